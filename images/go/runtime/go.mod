// The module's root only, as ../go.mod is: `go build -modfile=../lines/containerd-2.4.mod …` (see ../lines/README.md).
module conformance.test/runtime

go 1.26.0
