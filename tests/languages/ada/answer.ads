with Interfaces.C;
with System;

package Answer is
   procedure Module_Answer (Text : System.Address; Text_Bytes : Interfaces.C.int)
     with Export, Convention => C, External_Name => "module_answer";
end Answer;
