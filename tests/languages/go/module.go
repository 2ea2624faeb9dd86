package main

// #cgo CFLAGS: -I${SRCDIR}/include -DFLAGS=PINNATE_STAYS_LOADED
import "C"

import (
	"fmt"
	"os/signal"
	"syscall"
	"unsafe"
)

var calls int

//export module_answer
func module_answer(text *C.char, textBytes C.int) {
	calls++
	answer := fmt.Sprintf("%s %d\x00", "1.0.0", calls)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(text)), int(textBytes)), answer)
}

// By Go's runtime a SIGPIPE that the process ignored would end it.
func init() { signal.Ignore(syscall.SIGPIPE) }

func main() {}
