subroutine module_answer(text, text_bytes) bind(c)
  use iso_c_binding
  implicit none
  integer(c_int), value :: text_bytes
  character(kind=c_char) :: text(text_bytes)
  character(len=64) :: line
  integer :: i
  integer, save :: calls = 0

  calls = calls + 1
  write (line, '(a, 1x, i0)') '1.0.0', calls
  do i = 1, len_trim(line)
    text(i) = line(i:i)
  end do
  text(len_trim(line) + 1) = c_null_char
end subroutine
