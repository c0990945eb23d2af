package nexus

// #cgo pkg-config: nexusfs
// #cgo CFLAGS: -std=c99
// #include "bridge.h"
import "C"

import "strings"

// Status is the status of a call. It is an error, so that [errors.Is] can compare with it. Calls of
// this package return errors of type [*Error], which have more details.
type Status int32

// String returns the name of the status, for example "NOT_FOUND".
func (s Status) String() string {
	return strings.TrimPrefix(C.GoString(C.nexus_status_name(C.nexus_status(s))), "NEXUS_STATUS_")
}

// Error returns the name of the status.
func (s Status) Error() string {
	return s.String()
}

// Kind distinguishes files and directories.
type Kind int32

// ImportMode is how an import treats a path that exists.
type ImportMode int32

// InvalidKeys is how an import treats a work key whose value has the wrong type.
type InvalidKeys int32

// MissingContent is how an import treats a line whose content is missing.
type MissingContent int32

// NewerBy is what [ImportAuto] compares.
type NewerBy int32

// LogLevel is the severity of a line of the log; lower is more severe.
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

// LiveObjects returns the number of open objects of the library: 0 in a program that has closed
// everything.
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
