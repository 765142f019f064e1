#!/usr/bin/env bash
# What people would write without this suite: the document's commands, kubectl's own waits, four searches. With QUICK=yes
# what a good engineer would make of it: the same commands and searches, with every trick that the suite itself uses.
#   baseline.sh cold    a new node, Istio, the document, its clean-up, the node's removal
#   baseline.sh keep    a node that stays, with Istio and the destination in it
#   baseline.sh warm    the same as cold in that node
#   baseline.sh remove  removes it
# In the environment: NODE_IMAGE, NODE_ARGUMENTS, ARCHIVE (images for the node to import), ISTIOCTL and KUBECTL (programs), PILOT_IMAGE,
# PROXY_IMAGE, CURL_IMAGE, SQUID_IMAGE, ORIGIN_IMAGE, WORK (a folder of this script's own), LABEL (of the container),
# ISTIO_SETTINGS (arguments of `istioctl install`, where the image set needs some), DOCUMENT (the folder of an edition),
# CLIENT (its client's name) and, of the quick one, STORE (a containerd root with the images, or empty). `npm run bench`
# sets them.
# Prints a line `lap<TAB>NAME<TAB>seconds since the epoch` after each part.
set -euo pipefail
FIXTURES=$(cd "$(dirname "${BASH_SOURCE[0]}")/../fixtures" && pwd -P)
NAME=istio-external-proxy-baseline-$(basename "$WORK")
export KUBECONFIG=$WORK/kubeconfig
cd "$WORK"

lap() { printf 'lap\t%s\t%s\n' "$1" "$(date +%s.%N)"; }
kubectl() { "$KUBECTL" "$@"; }

start_node() {
  local images
  images=$ARCHIVE:/var/lib/rancher/k3s/agent/images/$(basename "$ARCHIVE"):ro
  if [[ -n ${QUICK-} && -n ${STORE-} ]]; then images=$STORE:/var/lib/rancher/k3s/agent/prepared:ro; fi
  # shellcheck disable=SC2086 # several arguments
  docker run --detach --name "$NAME" --label "$LABEL" --privileged --cgroupns host --tmpfs /run --tmpfs /var/run \
    --volume /sys/fs/cgroup:/sys/fs/cgroup \
    --volume "$images" \
    --publish 127.0.0.1::6443 "$NODE_IMAGE" server --disable=traefik --disable=metrics-server \
    --disable=servicelb --disable=local-storage $NODE_ARGUMENTS >/dev/null
  if [[ -z ${QUICK-} ]]; then
    for _ in {1..240}; do
      if docker logs "$NAME" 2>&1 | grep -q 'Node controller sync successful'; then break; fi
      sleep 0.5
    done
  else
    until docker exec "$NAME" test -s /etc/rancher/k3s/k3s.yaml 2>/dev/null; do sleep 0.1; done
  fi
  docker cp "$NAME:/etc/rancher/k3s/k3s.yaml" "$KUBECONFIG" >/dev/null
  local port
  port=$(docker port "$NAME" 6443/tcp | head -n 1)
  sed -i "s#127.0.0.1:6443#127.0.0.1:${port##*:}#" "$KUBECONFIG"
  # Pods wait for the cluster's DNS where they need it; the commands do not.
  if [[ -n ${QUICK-} ]]; then
    until kubectl get --raw /readyz >/dev/null 2>&1; do sleep 0.1; done
    lap node
    return
  fi
  kubectl wait --namespace kube-system --for=create deployment/coredns --timeout=60s >/dev/null
  rolled_out kube-system coredns
  lap node
}

remove_node() { docker rm --force --volumes "$NAME" >/dev/null 2>&1 || true; }

install_istio() {
  fill "$FIXTURES/istio.yaml" >istio.yaml
  # shellcheck disable=SC2086 # several arguments
  "$ISTIOCTL" install --skip-confirmation --filename istio.yaml ${ISTIO_SETTINGS:-} >istioctl.log 2>&1 ||
    { cat istioctl.log; return 1; }
  lap istio
}

# The destination: no real Wikipedia where there is no way out. Its certificate is made once a node.
start_origin() {
  if [[ ! -e ca.crt ]]; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=baseline-ca 2>/dev/null
    openssl req -x509 -CA ca.crt -CAkey ca.key -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 \
      -subj /CN=en.wikipedia.org -addext subjectAltName=DNS:en.wikipedia.org 2>/dev/null
    cat >nginx.conf <<'NGINX'
worker_processes 1;
events { worker_connections 1024; }
http {
  access_log /dev/stdout;
  server {
    listen 443 ssl;
    server_name en.wikipedia.org;
    ssl_certificate /tls/tls.crt;
    ssl_certificate_key /tls/tls.key;
    root /srv;
    default_type "text/html; charset=utf-8";
  }
}
NGINX
    kubectl create namespace conformance-origin >/dev/null
    kubectl create --namespace conformance-origin configmap origin --from-file=nginx.conf \
      --from-file=Main_Page.html="$FIXTURES/origin/Main_Page.html" >/dev/null
    kubectl create --namespace conformance-origin secret generic origin --from-file=tls.crt --from-file=tls.key >/dev/null
  fi
  # A node that has only just begun makes it a moment after the namespace.
  kubectl wait --namespace conformance-origin --for=create serviceaccount/default --timeout=60s >/dev/null
  fill "$FIXTURES/origin/origin.yaml" | kubectl apply --filename - >/dev/null
  kubectl wait --namespace conformance-origin --for=condition=Ready pod/origin --timeout=120s >/dev/null
  ORIGIN_IP=$(kubectl get pod --namespace conformance-origin origin --output jsonpath='{.status.podIP}')
  lap origin
}

before_you_begin() {
  kubectl label namespace default istio-injection=enabled --overwrite >/dev/null
  kubectl apply --filename "$1" >/dev/null
  rolled_out default "$CLIENT"
  SOURCE_POD=$(kubectl get pod -l "app=$CLIENT" -o jsonpath='{.items..metadata.name}')
  lap client
}

deploy_an_https_proxy() {
  kubectl create namespace external >/dev/null
  create_squid
  rolled_out external squid
  lap squid
  kubectl apply -n external --filename "$1" >/dev/null
  rolled_out external "$CLIENT"
  proxy_address
  lap client-external
  search_without_istio
}

proxy_address() {
  PROXY_IP=$(kubectl get pod -n external -l app=squid -o jsonpath='{.items..podIP}')
  PROXY_PORT=3128
}

search_without_istio() {
  trust external "deployment/$CLIENT"
  must_find '<title>Wikipedia, the free encyclopedia</title>' kubectl exec -n external "deployment/$CLIENT" -- \
    sh -c "HTTPS_PROXY=$PROXY_IP:$PROXY_PORT curl --cacert /tmp/ca.crt https://en.wikipedia.org/wiki/Main_Page"
  must_find 'CONNECT en.wikipedia.org:443' kubectl exec -n external deployment/squid -- cat /var/log/squid/access.log
  lap without-istio
}

create_squid() {
  cp "$DOCUMENT/proxy.conf" proxy.conf
  kubectl create configmap proxy-configmap -n external --from-file=squid.conf=./proxy.conf >/dev/null
  # Only Squid resolves the destination's name.
  fill "$DOCUMENT/squid.yaml" |
    sed "s/^    spec:\$/&\n      hostAliases: [{ ip: $ORIGIN_IP, hostnames: [en.wikipedia.org] }]/" |
    kubectl apply --filename - >/dev/null
}

configure_traffic() {
  export PROXY_IP PROXY_PORT
  fill "$DOCUMENT/service-entry.yaml" | kubectl apply --filename - >/dev/null
  trust default "$SOURCE_POD"
  must_find '<title>Wikipedia, the free encyclopedia</title>' kubectl exec "$SOURCE_POD" -c "$CLIENT" -- \
    sh -c "HTTPS_PROXY=$PROXY_IP:$PROXY_PORT curl --cacert /tmp/ca.crt https://en.wikipedia.org/wiki/Main_Page"
  must_find 'outbound|3128||my-company-proxy.com' kubectl logs "$SOURCE_POD" -c istio-proxy
  lap mesh
}

clean_up() {
  kubectl delete --filename "$1" >/dev/null
  kubectl delete --filename "$1" -n external >/dev/null
  kubectl delete -n external deployment squid >/dev/null
  kubectl delete -n external configmap proxy-configmap >/dev/null
  rm ./proxy.conf
  kubectl delete namespace external >/dev/null
  kubectl delete serviceentry proxy >/dev/null
  lap clean-up
}

# The same commands. What does not need one another begins at once, and each is waited for where it is needed.
quick() {
  fill "$DOCUMENT/client.yaml" >client.yaml
  kubectl label namespace default istio-injection=enabled --overwrite >/dev/null
  kubectl apply --filename client.yaml >/dev/null
  kubectl create namespace external >/dev/null
  create_squid
  kubectl apply -n external --filename client.yaml >/dev/null
  rolled_out external squid &
  local squid=$!
  rolled_out external "$CLIENT" &
  local outside=$!
  rolled_out default "$CLIENT"
  wait "$squid"
  wait "$outside"
  SOURCE_POD=$(kubectl get pod -l "app=$CLIENT" -o jsonpath='{.items..metadata.name}')
  proxy_address
  lap pods
  search_without_istio
  configure_traffic
  clean_up_at_once
}

# As the document's, but that no deletion is waited for before the next one, and Squid is interrupted.
clean_up_at_once() {
  local squid
  squid=$(kubectl get pod -n external -l app=squid -o name)
  kubectl delete --wait=false --filename client.yaml >/dev/null
  kubectl delete --wait=false --filename client.yaml -n external >/dev/null
  kubectl delete --wait=false -n external deployment squid >/dev/null
  kubectl delete --wait=false -n external configmap proxy-configmap >/dev/null
  rm ./proxy.conf
  kubectl delete --wait=false namespace external >/dev/null
  kubectl delete --wait=false serviceentry proxy >/dev/null
  kubectl wait -n external --for=jsonpath='{.metadata.deletionTimestamp}' --timeout=60s "$squid" >/dev/null
  # shellcheck disable=SC2016 # For the shell in the pod, which may go at once.
  kubectl exec -n external "$squid" -- sh -c \
    'for p in /proc/[0-9]*; do read -r name <$p/comm && [ "$name" = squid ] && kill -INT "${p#/proc/}"; done; true' \
    >/dev/null 2>&1 || true
  kubectl wait --for=delete --timeout=120s namespace/external >/dev/null
  kubectl wait --for=delete --timeout=120s "pod/$SOURCE_POD" >/dev/null
  lap clean-up
}

rolled_out() { kubectl rollout status --namespace "$1" "deployment/$2" --timeout=120s >/dev/null; }

document() {
  fill "$DOCUMENT/client.yaml" >client.yaml
  before_you_begin client.yaml
  deploy_an_https_proxy client.yaml
  configure_traffic
  clean_up client.yaml
}

# A fixture with its ${NAMES} filled in.
fill() {
  sed -e "s#\${PILOT_IMAGE}#$PILOT_IMAGE#" -e "s#\${PROXY_IMAGE}#$PROXY_IMAGE#" -e "s#\${CURL_IMAGE}#$CURL_IMAGE#" \
    -e "s#\${SQUID_IMAGE}#$SQUID_IMAGE#" -e "s#\${ORIGIN_IMAGE}#$ORIGIN_IMAGE#" \
    -e "s#\${PROXY_IP}#${PROXY_IP:-}#" -e "s#\${PROXY_PORT}#${PROXY_PORT:-}#" "$1"
}

# shellcheck disable=SC2016 # For the shell in the pod.
trust() { kubectl exec -n "$1" "$2" -c "$CLIENT" -- sh -c 'printf "%s\n" "$1" >/tmp/ca.crt' sh "$(cat ca.crt)"; }

# must_find TEXT COMMAND…: until the command prints it, asked once a second, or ten times as often.
must_find() {
  local text=$1
  shift
  for _ in {1..60}; do
    if "$@" 2>said.err | tee said.out | grep -F -- "$text" >/dev/null; then return; fi
    sleep "${QUICK:+0.}1"
  done
  {
    echo "not found: $text"
    echo "the command said last: $(head -c 500 said.out) $(tail -n 3 said.err)"
    kubectl get pods --all-namespaces --output wide
    kubectl exec -n external deployment/squid -- tail -n 3 /var/log/squid/access.log
    kubectl logs -n external deployment/squid --tail 5
  } >&2
  return 1
}

# Istio and the destination, which do not need each other.
prepare() {
  if [[ -z ${QUICK-} ]]; then
    install_istio
    start_origin
  else
    install_istio &
    local istio=$!
    start_origin
    wait "$istio"
  fi
}

run_document() { if [[ -z ${QUICK-} ]]; then document; else quick; fi; }

lap begin
case ${1-} in
  cold)
    trap remove_node EXIT
    trap 'exit 130' INT TERM HUP
    start_node
    prepare
    run_document
    remove_node
    trap - EXIT
    lap removal
    ;;
  keep)
    trap remove_node EXIT
    trap 'exit 130' INT TERM HUP
    start_node
    prepare
    trap - EXIT
    ;;
  warm)
    prepare
    run_document
    ;;
  remove) remove_node ;;
  *)
    echo 'usage: baseline.sh cold|keep|warm|remove' >&2
    exit 2
    ;;
esac
