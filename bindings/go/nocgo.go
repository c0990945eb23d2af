//go:build !cgo

package nexus

// Without cgo there is nothing of this package but the following name, which does not exist: the compiler prints it.
var _ = nexus_needs_cgo__set_CGO_ENABLED_1_and_install_a_C_compiler
