# The suite as an image, for `./conformance job`: as `npm pack` makes it, run by a user without rights on a root file
# system that is never written to. What it writes goes to /tmp and /reports.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim

FROM ${NODE_IMAGE} AS suite
WORKDIR /suite
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN scripts/build-package && npm prune --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
WORKDIR /suite
COPY --from=suite /suite/node_modules/ node_modules/
COPY --from=suite /suite/dist/ dist/
COPY --from=suite /suite/conformance /suite/package.json ./
ENV HOME=/tmp CONFORMANCE_CACHE_DIR=/tmp/cache
USER 65532:65532
WORKDIR /reports
ENTRYPOINT ["/suite/conformance"]
