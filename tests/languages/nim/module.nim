{.compile: "table.c".}

var calls = 0

proc module_answer(text: cstring, textBytes: cint) {.exportc.} =
  inc calls
  let answer = "1.0.0" & " " & $calls
  copyMem(text, cstring(answer), answer.len + 1)
