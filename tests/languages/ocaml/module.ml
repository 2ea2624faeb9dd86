let calls = ref 0

let () =
  Callback.register "answer" (fun () ->
      incr calls;
      Printf.sprintf "%s %d" "1.0.0" !calls)
