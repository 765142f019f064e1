//go:build tools

// Package runtime keeps the commands that run the node's containers in the lock files. Of a module of its own: what they
// need is none of Kubernetes' and Istio's.
package runtime

import (
	_ "github.com/containerd/containerd/v2/cmd/containerd"
	_ "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"
	_ "github.com/containerd/containerd/v2/cmd/ctr"
	_ "github.com/opencontainers/runc"
)
