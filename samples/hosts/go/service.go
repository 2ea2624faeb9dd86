// Go: an HTTP service whose requests are answered by functions of the fleet, by cgo.
//
//	go build && ./service GATEWAY-ADDRESS PORT
//	curl -d world http://127.0.0.1:PORT/greet
package main

/*
#cgo pkg-config: pinnate
#include <pinnate/engine.h>
#include <stdlib.h>
*/
import "C"

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// check takes the words as an argument, for a goroutine may change threads before it asks for the last error.
func check(status C.pinnate_status, words *C.char) error {
	if status == C.PINNATE_OK {
		return nil
	}
	return fmt.Errorf("%s: %s", C.GoString(C.pinnate_status_name(status)), C.GoString(words))
}

// open begins to dial the gateway, and stays on one thread, on which the last error is its own.
func open(id, gateway string) (engine *C.pinnate_engine) {
	var options C.pinnate_engine_options
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cID, cGateway := C.CString(id), C.CString(gateway)
	defer C.free(unsafe.Pointer(cID))
	defer C.free(unsafe.Pointer(cGateway))
	C.pinnate_engine_options_init(&options, C.sizeof_pinnate_engine_options, C.sizeof_pinnate_tier_options)
	options.tier.id = cID
	status := C.pinnate_engine_open(&options, &engine)
	if status == C.PINNATE_OK {
		status = C.pinnate_engine_dial_upstream(engine, cGateway, nil)
	}
	if status != C.PINNATE_OK {
		log.Fatal(check(status, C.pinnate_last_error()))
	}
	return engine
}

// call waits on a thread of its own, as every blocking call of C does in Go.
func call(engine *C.pinnate_engine, name string, payload []byte) ([]byte, error) {
	var call C.pinnate_call
	var words [256]C.char
	var result unsafe.Pointer
	var size C.size_t
	C.pinnate_call_init(&call, C.sizeof_pinnate_call)
	call.name, call.payload.data, call.payload.size = C.CString(name), C.CBytes(payload), C.size_t(len(payload))
	defer C.free(unsafe.Pointer(call.name))
	defer C.free(unsafe.Pointer(call.payload.data))
	status := C.pinnate_engine_call_wait(engine, &call, &result, &size, &words[0], C.size_t(len(words)))
	defer C.pinnate_result_free(result)
	return C.GoBytes(result, C.int(size)), check(status, &words[0])
}

func main() {
	engine := open("go", os.Args[1])
	answer := func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			payload, err = call(engine, strings.TrimPrefix(r.URL.Path, "/"), payload)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Write(payload)
	}
	server := http.Server{Addr: "127.0.0.1:" + os.Args[2], Handler: http.HandlerFunc(answer)}
	stop, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	go func() { log.Print(server.ListenAndServe()) }()
	<-stop.Done()
	server.Shutdown(context.Background()) // every request is answered
	C.pinnate_engine_close_wait(engine)
	C.pinnate_engine_free(engine)
}
