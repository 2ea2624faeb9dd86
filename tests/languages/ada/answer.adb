with Interfaces.C;            use Interfaces.C;
with Ada.Containers.Vectors;

package body Answer is
   package Numbers is new Ada.Containers.Vectors (Positive, Integer);
   Calls : Numbers.Vector;

   procedure Module_Answer (Text : System.Address; Text_Bytes : Interfaces.C.int) is
      Result : char_array (0 .. size_t (Text_Bytes) - 1) with Import, Address => Text;
      Count  : size_t;
   begin
      Calls.Append (1);
      To_C ("1.0.0" & Calls.Length'Image, Result, Count);
   exception
      when others => Result (0) := nul;  --  an exception that leaves a C function ends the process
   end Module_Answer;
end Answer;
