(import (chicken foreign) (chicken platform))

(define calls 0)

(define-external (scheme_answer) c-string
  (set! calls (+ calls 1))
  (string-append "1.0.0 " (number->string calls)))

(return-to-host)
