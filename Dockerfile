# As CoreDNS's own image: the binary, nothing around it but certificates, and no root: the file itself may bind port 53.
FROM golang:1.26 AS build
RUN apt-get -qq update && apt-get -qq -y --no-install-recommends install libcap2-bin
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG LDFLAGS="-s -w"
RUN CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "$LDFLAGS" -o /coredns ./cmd/coredns \
    && setcap cap_net_bind_service=+ep /coredns \
    && mkdir -p /var/lib/concord

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /coredns /coredns
# Corefile and concord.db are found here, if the command line and the Corefile do not say otherwise.
COPY --from=build --chown=65532:65532 /var/lib/concord /var/lib/concord
VOLUME /var/lib/concord
USER 65532:65532
WORKDIR /var/lib/concord
EXPOSE 53 53/udp
ENTRYPOINT ["/coredns"]
