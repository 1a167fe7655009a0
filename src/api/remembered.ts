/**
 * `make`, which is asked once for each object. What it makes must depend on that object alone, and nobody may write to either: another
 * object, such as a cache has for each new state of one, is asked for anew. What was made goes with the object.
 */
export function remembered<K extends object, V extends object>(make: (object: K) => V): (object: K) => V {
  const made = new WeakMap<K, V>();
  return (object) => {
    const known = made.get(object);
    if (known !== undefined) return known;
    const value = make(object);
    made.set(object, value);
    return value;
  };
}
