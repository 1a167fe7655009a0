# Stash: operator, agent and command line in one image. `npm run build` makes dist/ first; nothing is fetched or
# compiled here but the two bases, which an installation without a public registry replaces:
#   docker build --build-arg BASE=… --build-arg RESTIC=… -t stash .
# Its Functions for PostgreSQL have an image of their own:
#   docker build --target postgres -t stash-postgres .
ARG BASE=node:24-bookworm-slim
ARG RESTIC=restic/restic:0.18.1

FROM ${RESTIC} AS restic

FROM ${BASE} AS stash
LABEL org.opencontainers.image.title="Stash" \
      org.opencontainers.image.description="A Kubernetes backup operator: restic sidecars and restore init containers by admission webhook, sessions on a schedule" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=restic /usr/bin/restic /usr/local/bin/restic
# restic verifies a storage server by these; slim images of Debian have none.
COPY --from=restic /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chmod=755 dist/ /opt/stash/
RUN ["ln", "-s", "/opt/stash/main.js", "/usr/local/bin/stash"]
# A number: the kubelet cannot tell whether a name is root's, and refuses it under runAsNonRoot.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["stash"]

# The same with PostgreSQL's pg_dump, pg_dumpall, pg_isready and psql.
FROM stash AS postgres
USER 0:0
# A base that has a client keeps it. What Debian puts into the PATH is a wrapper in Perl that picks one by the servers
# of the machine and of the user; here there are none, nor has the user a name.
RUN if [ ! -d /usr/lib/postgresql ]; then \
      apt-get update && \
      apt-get install --yes --no-install-recommends postgresql-client && \
      rm -rf /var/lib/apt/lists/*; \
    fi && \
    for tool in pg_dump pg_dumpall pg_isready psql; do \
      ln -s /usr/lib/postgresql/*/bin/"$tool" /usr/local/bin/ || exit 1; \
    done
USER 65532:65532

# The last is what `docker build` makes.
FROM stash
