// A Pinnate module in Go: it answers each call with its payload.
package main

// #include <pinnate/module.h>
// #include <stdlib.h>
// static inline void answer(const pinnate_host *host, pinnate_reply *reply, const void *data, size_t bytes) {
//   host->answer(reply, data, bytes);
// }
// static inline void fail(const pinnate_host *host, pinnate_reply *reply, const char *words) { host->fail(reply, words); }
import "C"

import (
	"fmt"
	"unsafe"
)

// Answers one call, or says why not. A panic fails the call too. Calls may overlap.
func handle(payload []byte) ([]byte, error) {
	return payload, nil
}

//export handleCall
func handleCall(host *C.pinnate_host, reply *C.pinnate_reply, payload unsafe.Pointer, bytes C.size_t) {
	answer, err := guarded(unsafe.Slice((*byte)(payload), int(bytes)))
	if err != nil {
		words := C.CString(err.Error())
		defer C.free(unsafe.Pointer(words))
		C.fail(host, reply, words)
		return
	}
	var data unsafe.Pointer
	if len(answer) > 0 {
		data = unsafe.Pointer(&answer[0])
	}
	C.answer(host, reply, data, C.size_t(len(answer)))
}

// The payload belongs to the engine, and is gone once the call is answered: `handle` copies what it keeps.
func guarded(payload []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	return handle(payload)
}

func main() {}
