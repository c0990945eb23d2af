package nexus

// #cgo pkg-config: nexusfs
// #cgo CFLAGS: -std=c99
// #include "bridge.h"
import "C"

import "strings"

// Status says how a call went. It is an error itself, so that it can be compared with [errors.Is]; those of this package
// have more to say, and are of type [*Error].
type Status int32

// String returns the name of the status, for example "NOT_FOUND".
func (s Status) String() string {
	return strings.TrimPrefix(C.GoString(C.nexus_status_name(C.nexus_status(s))), "NEXUS_STATUS_")
}

// Error returns the name of the status.
func (s Status) Error() string {
	return s.String()
}

// Kind tells files from directories.
type Kind int32

// ImportMode says what an import does with a path that exists.
type ImportMode int32

// InvalidKeys says what an import does with a work key whose value has the wrong type.
type InvalidKeys int32

// MissingContent says what an import does with a line whose content is missing.
type MissingContent int32

// NewerBy says what [ImportAuto] compares.
type NewerBy int32

// LogLevel says how grave a line of the log is; lower is graver.
type LogLevel int32

// MoveFlags are for [Store.RenameWith], [Store.CopyWith] and the same of a batch.
type MoveFlags uint32

// MkdirFlags are for [Store.MkdirWith] and [Batch.Mkdir].
type MkdirFlags uint32

// Version returns the version of the library that the program runs with.
func Version() string {
	return C.GoString(C.nexus_version())
}

// ABIVersion returns the version of that library's binary interface, as 0xMMmmpp: 256 is 0.1.0.
func ABIVersion() uint32 {
	return uint32(C.nexus_abi_version())
}

// LiveObjects counts what the library handed out and was not given back: 0 in a program that has closed everything.
func LiveObjects() uint64 {
	return uint64(C.nexus_live_objects())
}

// checkLibrary refuses a library whose interface is another than the one this package was generated from. While the
// first number of the version is 0, the second must be equal; else it may be higher.
func checkLibrary() error {
	const major, minor = abiVersion >> 16, abiVersion >> 8 & 0xff
	library := ABIVersion()
	libraryMinor := library >> 8 & 0xff
	if library>>16 == major && (libraryMinor == minor || major > 0 && libraryMinor > minor) {
		return nil
	}
	return newError(StatusVersionMismatch, "libnexusfs "+Version()+" has another interface than this package")
}
