// The module's root only. What is built is pinned by one file a Kubernetes line
// in lines/: `go build -modfile=lines/k8s-1.35.mod …` (see lines/README.md).
module conformance.test/images

go 1.26.0
