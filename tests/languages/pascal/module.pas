{$mode objfpc}
library module;

type
  PHost = ^THost;
  TAnswer = procedure(Reply, Data: Pointer; Bytes: SizeUInt); cdecl;
  THost = record
    Size: SizeUInt;
    Context, Log, Allocate, Release, RemainingMs: Pointer;
    Answer: TAnswer;
  end;
  TDescriptor = record
    Size: SizeUInt;
    Abi, Flags: UInt32;
    CreateService, Call, CheckHealth, DestroyService: Pointer;
  end;

var
  Calls: Integer = 0;

function CreateService(Host: PHost; Config: Pointer; ConfigBytes: SizeUInt; out Service: PHost; Error: PChar;
  ErrorBytes: SizeUInt): Integer; cdecl;
begin
  Service := Host;
  Result := 0;
end;

procedure Call(Service: PHost; Reply, Payload: Pointer; PayloadBytes: SizeUInt); cdecl;
var
  Number: ShortString;
  Text: AnsiString;
begin
  Inc(Calls);
  Str(Calls, Number);
  Text := '1.0.0 ' + Number;
  Service^.Answer(Reply, PChar(Text), Length(Text));
end;

procedure DestroyService(Service: PHost); cdecl;
begin
end;

var
  Descriptor: TDescriptor = (Size: SizeOf(TDescriptor); Abi: 1; Flags: 0; CreateService: @CreateService; Call: @Call;
    CheckHealth: nil; DestroyService: @DestroyService); export name 'pinnate_module';

exports
  Descriptor name 'pinnate_module';

begin
end.
