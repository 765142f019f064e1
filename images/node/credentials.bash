# shellcheck shell=bash
# Sourced by entrypoint, whose variables it uses: the cluster's certificate authority, certificates and
# kubeconfigs, made at each start.
# shellcheck disable=SC2154

make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=node-ca \
    -addext keyUsage=critical,keyCertSign,digitalSignature \
    -keyout "$tls/ca.key" -out "$tls/ca.crt" 2>>"$logs/certificates.log"
}

make_certificate() { # make_certificate NAME SUBJECT EXTENDED-KEY-USAGE [SANS]
  # -CAkey with -x509 signs at once, without a request file; the serial number is random.
  openssl req -x509 -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -days 3650 -subj "$2" -addext basicConstraints=critical,CA:FALSE -addext "extendedKeyUsage=$3" \
    ${4:+-addext "subjectAltName=$4"} -keyout "$tls/$1.key" -out "$tls/$1.crt" 2>>"$logs/certificates.log"
}

server_sans() {
  local sans san
  sans=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
  sans+=,DNS:kubernetes.default.svc.cluster.local,DNS:$name,IP:127.0.0.1,IP:$service_address
  # More than one when it is on several networks.
  for san in $(ip -4 -o addr show scope global | awk '{sub("/.*", "", $4); print $4}'); do sans+=,IP:$san; done
  # Testcontainers reaches a published port through the gateway when it runs in a container itself.
  sans+=${gateway:+,IP:$gateway}
  for san in "${extra_sans[@]}"; do
    case $san in
      '') ;;
      *:* | *[0-9].[0-9]*.[0-9]*.[0-9]*) sans+=,IP:$san ;;
      *) sans+=,DNS:$san ;;
    esac
  done
  echo "$sans"
}

make_kubeconfig() { # make_kubeconfig NAME
  cat >"$cred/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: default
    cluster:
      server: $api
      certificate-authority-data: $(base64 -w0 "$tls/ca.crt")
users:
  - name: default
    user:
      client-certificate-data: $(base64 -w0 "$tls/$1.crt")
      client-key-data: $(base64 -w0 "$tls/$1.key")
contexts:
  - name: default
    context: { cluster: default, user: default }
current-context: default
YAML
}

make_node_certificates() {
  make_certificate kubelet "/O=system:nodes/CN=system:node:$name" clientAuth,serverAuth "IP:$address,DNS:$name" & jobs+=($!)
  make_certificate admin /O=system:masters/CN=system:admin clientAuth & jobs+=($!)
  make_certificate proxy /CN=system:kube-proxy clientAuth & jobs+=($!)
}

make_kubeconfigs() { # make_kubeconfigs OWNER…: when the certificates are there
  local job owner
  for job in "${jobs[@]}"; do
    wait "$job" || { tail -n 20 "$logs/certificates.log"; echo 'node: openssl failed'; exit 1; }
  done
  for owner; do make_kubeconfig "$owner"; done
}

make_agent_credentials() {
  local jobs=()
  make_node_certificates
  make_kubeconfigs admin kubelet proxy
}

make_credentials() {
  make_authority
  local jobs=()
  make_node_certificates
  make_certificate apiserver /CN=kube-apiserver serverAuth "$(server_sans)" & jobs+=($!)
  make_certificate apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth & jobs+=($!)
  make_certificate controller-manager /CN=system:kube-controller-manager clientAuth & jobs+=($!)
  make_certificate scheduler /CN=system:kube-scheduler clientAuth & jobs+=($!)
  make_certificate front-proxy /CN=front-proxy clientAuth & jobs+=($!)
  openssl ecparam -name prime256v1 -genkey -noout -out "$tls/service-account.key" & jobs+=($!)
  make_kubeconfigs admin kubelet controller-manager scheduler proxy
}
