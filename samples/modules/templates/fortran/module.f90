! A Pinnate module in Fortran: it answers each call with its payload.

! One call, which is answered exactly once, by `answer` or by `fail`.
subroutine handle(host, reply, payload, payload_bytes) bind(c)
  use, intrinsic :: iso_c_binding
  implicit none
  interface ! of descriptor.c
    subroutine answer(host, reply, bytes, size_bytes) bind(c)
      import
      type(c_ptr), value :: host, reply
      integer(c_size_t), value :: size_bytes
      character(kind=c_char), intent(in) :: bytes(size_bytes)
    end subroutine
    subroutine fail(host, reply, words) bind(c)
      import
      type(c_ptr), value :: host, reply
      character(kind=c_char), intent(in) :: words(*) ! ends with c_null_char
    end subroutine
  end interface
  type(c_ptr), value :: host, reply
  integer(c_size_t), value :: payload_bytes
  character(kind=c_char), intent(in) :: payload(payload_bytes)

  call answer(host, reply, payload, payload_bytes)
end subroutine
