-- What a dump has to get right: an owner with a password, tables that refer to each other, odd text, a view, a large object.
CREATE ROLE clerk LOGIN PASSWORD 'the clerk''s own';
CREATE DATABASE shop OWNER clerk;
\connect shop
SET ROLE clerk;
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
  id bigserial PRIMARY KEY,
  customer integer NOT NULL REFERENCES customers,
  note text,
  price numeric(10, 2) CHECK (price >= 0)
);
INSERT INTO customers (name)
  SELECT E'käse "日本"\t🦫\n\\connect postgres ' || n FROM generate_series(1, 1000) AS n;
INSERT INTO orders (customer, note, price)
  SELECT 1 + n % 1000, CASE WHEN n % 3 > 0 THEN md5(random()::text) END, n % 997 / 10.0
  FROM generate_series(1, 100000) AS n;
CREATE VIEW revenue AS SELECT name, sum(price) FROM orders JOIN customers ON customers.id = customer GROUP BY name;
SELECT lo_from_bytea(4711, (SELECT string_agg(decode(md5(random()::text), 'hex'), '') FROM generate_series(1, 65536)));
