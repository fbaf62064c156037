# Two stages: the first builds and runs the unit tests, the second holds the programs, the
# libraries they need and nothing else.
#
#   docker build -t pubgrid .
#   docker run --name try -p 127.0.0.1:1883:1883 -p 127.0.0.1:8080:8080 pubgrid --set auth.allow_anonymous=yes --set bridge.console=yes
#   docker exec try pubgrid keys -c /etc/pubgrid/pubgrid.yaml
#   docker run -p 8883:8883 -p 8443:8443 -v pubgrid:/var/lib/pubgrid -v ./pubgrid:/etc/pubgrid:ro pubgrid
#
# The second line is to try it, with the console at http://127.0.0.1:8080/console/; the third prints
# the connection string that opens it. The fourth has pubgrid.yaml, the password file and the
# certificates in ./pubgrid, readable by user 1883. Without either, MQTT clients may not connect
# from outside, and WebSocket clients need a token: conf/docker.yaml.
#
# The console's two npm packages come from npm's registry; another one is --build-arg npm_config_registry=URL.
# SPDX-License-Identifier: Apache-2.0
FROM debian:12 AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    gcc libc6-dev cmake ninja-build pkg-config libssl-dev libpaho-mqtt-dev libcyaml-dev \
    libyaml-dev liblmdb-dev libxxhash-dev libwebsockets-dev libuv1-dev libmsgpack-dev \
    libprotobuf-c-dev protobuf-c-compiler libcurl4-openssl-dev ca-certificates python3 universal-ctags
ARG npm_config_registry=https://registry.npmjs.org
COPY . /src
WORKDIR /src
RUN cmake -S . -B /check -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo
RUN cmake --build /check
RUN ctest --test-dir /check -L '^(unit|lint)$' --output-on-failure
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_INSTALL_PREFIX=/usr \
    -DPUBGRID_TESTS=OFF
RUN cmake --build /build
RUN DESTDIR=/out cmake --install /build --strip

FROM debian:12-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    libssl3 libpaho-mqtt1.3 libcyaml1 libyaml-0-2 liblmdb0 libxxhash0 libwebsockets17 \
    libwebsockets-evlib-uv libuv1 libmsgpackc2 libprotobuf-c1 libcurl4 \
    ca-certificates && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 1883 pubgrid && \
    useradd --system --uid 1883 --gid pubgrid --no-create-home --home-dir /var/lib/pubgrid pubgrid && \
    install -d -o pubgrid -g pubgrid -m 0700 /var/lib/pubgrid /run/pubgrid
COPY --from=build /out /
COPY conf/docker.yaml /etc/pubgrid/pubgrid.yaml
USER pubgrid
WORKDIR /var/lib/pubgrid
VOLUME /var/lib/pubgrid
EXPOSE 1883 8883 8080 8443
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD pubgrid sub --unix /run/pubgrid/pubgrid.sock -t '$SYS/broker/uptime' -C 1 -W 4
ENTRYPOINT ["pubgrid", "serve", "-c", "/etc/pubgrid/pubgrid.yaml"]
