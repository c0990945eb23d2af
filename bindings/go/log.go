package nexus

// #include "bridge.h"
import "C"

import "sync/atomic"

var logFunc atomic.Pointer[func(level LogLevel, message string)]

// SetLog sets the log function of the process, for lines of a level or a more severe one; nil for
// none, as initially. Goroutines inside a call of this package call it, several at the same time.
// It may use stores, but not close one or call SetLog. It must return normally: a panic ends the
// program.
func SetLog(level LogLevel, log func(level LogLevel, message string)) error {
	if log == nil {
		// When this returns, the former function is not running and will not be called again.
		err := check(C.bridge_set_log(0, 0))
		if err == nil {
			logFunc.Store(nil)
		}
		return err
	}
	before := logFunc.Swap(&log)
	err := check(C.bridge_set_log(1, C.int32_t(level)))
	if err != nil {
		logFunc.CompareAndSwap(&log, before)
	}
	return err
}

//export nexusGoLog
func nexusGoLog(level C.int32_t, message *C.char) {
	passLine(LogLevel(level), C.GoString(message))
}

func passLine(level LogLevel, message string) {
	log := logFunc.Load()
	if log == nil {
		return
	}
	defer func() {
		// It cannot pass over the frames of the library.
		if reason := recover(); reason != nil {
			go panic(reason)
			select {}
		}
	}()
	(*log)(level, message)
}
