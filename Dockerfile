# Stash: operator, agent and command line in one image. `npm run build` makes dist/ first; nothing is fetched or
# compiled here but the two bases, which an installation without a public registry replaces:
#   docker build --build-arg BASE=… --build-arg RESTIC=… -t stash .
ARG BASE=node:24-bookworm-slim
ARG RESTIC=restic/restic:0.18.1

FROM ${RESTIC} AS restic

FROM ${BASE}
LABEL org.opencontainers.image.title="Stash" \
      org.opencontainers.image.description="A Kubernetes backup operator: restic sidecars and restore init containers by admission webhook, sessions on a schedule" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
COPY --from=restic /usr/bin/restic /usr/local/bin/restic
COPY --chmod=755 dist/ /opt/stash/
RUN ["ln", "-s", "/opt/stash/main.js", "/usr/local/bin/stash"]
# A number: the kubelet cannot tell whether a name is root's, and refuses it under runAsNonRoot.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["stash"]
