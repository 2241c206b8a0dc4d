@echo off
rem A shim of Engineshed, which makes, replaces and removes this file: it runs the command of its name of the selected engine.
rem
rem   COMMAND [ARGUMENT...]           of the selected engine
rem   COMMAND +ENGINE [ARGUMENT...]   of this engine, NAME or NAME@ID; write "++x" for a first argument "+x"
rem
rem The engine is that of "engineshed current --explain", in the same order. What is not written the plain way, is missing or
rem is wrong, is left to "engineshed exec". An argument is never taken into quotes or out of them: what it protects stays so.
setlocal EnableExtensions DisableDelayedExpansion
for %%v in (file run ok held name id asked attr stop key more value l1 l2 l3 l4 args program options) do set "shed_%%v="
set "shed_choice=--"
call :find_home

set shed_first=%1
if defined shed_first set "shed_first=%shed_first:"=%"
if not defined shed_first goto select
if not "%shed_first:~0,1%"=="+" goto select
rem The blank lets what follows end a word in any case.
set shed_args=%* 
set shed_value=%1
set "shed_value=%shed_value:"='%"
if "%shed_first:~0,2%"=="++" goto plus
set "shed_choice=%shed_first%"
set shed_args=%shed_args:* =%
set "shed_asked=%shed_first:~1%"
goto named
:plus
set shed_args=%shed_args:*+=%
if "%shed_value:~0,1%"=="'" set shed_args="%shed_args%

:select
set "shed_asked=%ENGINESHED_ENGINE%"
if not defined shed_asked set "shed_asked=%HAMLET_ENGINE%"
if defined shed_asked goto named

for %%d in (.) do set "shed_dir=%%~fd"
:find_pin
if exist "%shed_dir%\engineshed.toml" call :read_pin
if "%shed_stop%"=="pin" goto pinned
if "%shed_stop%"=="unclear" goto hand_over
for %%d in ("%shed_dir%\..") do set "shed_up=%%~fd"
if "%shed_up%"=="%shed_dir%" goto current
set "shed_dir=%shed_up%"
goto find_pin

:pinned
set "shed_asked=%shed_value%"
call :read_name
if not exist "%shed_dir%\engineshed.lock" goto state
for /f "usebackq tokens=1,2* delims=:, " %%a in ("%shed_dir%\engineshed.lock") do (
  if not defined shed_l1 (
    set "shed_l1=%%a%%b%%c"
  ) else if not defined shed_l2 (
    set "shed_l2=%%a%%b%%c"
  ) else if not defined shed_l3 (
    set "shed_l3=%%a%%b%%c"
  ) else if not defined shed_l4 set "shed_l4=%%a%%b%%c"
)
if not defined shed_l4 goto hand_over
set "shed_l2=%shed_l2:"='%"
set "shed_l3=%shed_l3:"='%"
set "shed_l4=%shed_l4:"='%"
if not "%shed_l1%"=="{" goto hand_over
if not "%shed_l2%"=="'version'1" goto hand_over
if not "%shed_l3%"=="'engine''%shed_name%'" goto hand_over
set "shed_asked=%shed_name%@%shed_l4:~5,-1%"
if not "%shed_l4%"=="'id''%shed_l4:~5,-1%'" goto hand_over
call :read_name
rem A working copy that is linked on this machine.
set "shed_link=%shed_home%\engines\%shed_name%\links\%shed_id%"
if exist "%shed_link%" for /f "usebackq tokens=2 delims=/" %%a in ("%shed_link%") do set "shed_id=%%a"
goto state

:current
if not exist "%shed_home%\current" goto hand_over
for /f "usebackq tokens=2 delims=/" %%a in ("%shed_home%\current") do set "shed_asked=%%a"
:named
call :read_name
:state
if not defined shed_home goto hand_over
if not defined shed_name goto hand_over
set "shed_engine=%shed_home%\engines\%shed_name%"
if not defined shed_id if exist "%shed_engine%\active" for /f "usebackq" %%a in ("%shed_engine%\active") do set "shed_id=%%a"
set "shed_commands=%shed_engine%\%shed_id%\.commands"
if not exist "%shed_commands%" goto hand_over
rem The name as the state itself has it: the file system does not tell upper from lower case.
for /f "usebackq tokens=1,2*" %%a in ("%shed_commands%") do (
  if "%%a"=="state" if "%%b"=="%shed_name%@%shed_id%" set "shed_ok=1"
  if "%%a"=="mark" if exist "%shed_home%\%%c" set "shed_held=1"
  if "%%a"=="held" set "shed_held=1"
  if "%%a"=="run" if "%%b"=="@COMMAND@" set "shed_run=%%c"
  if "%%a"=="file" if "%%b"=="@COMMAND@" set "shed_file=%%c"
  if "%%a"=="own" if "%%b"=="@COMMAND@" set "shed_file=%shed_home%\%%c"
)
if not defined shed_ok goto hand_over
if defined shed_held goto hand_over
if not defined shed_file goto hand_over
if not exist "%shed_file%" goto hand_over
if defined shed_run call :find_program
if defined shed_run if not defined shed_program goto hand_over

rem What a command is called by must not be that command again and again.
set /a shed_depth=ENGINESHED_DEPTH+1 2>nul
if %shed_depth% GTR 100 goto endless
set "ENGINESHED_DEPTH=%shed_depth%"
set "ENGINESHED_HOME=%shed_home%"
set "ENGINESHED_ENGINE=%shed_name%@%shed_id%"
rem For "engineshed gc --unused-for".
echo. 2>nul >"%shed_engine%\used"
for /f "usebackq tokens=1,2*" %%a in ("%shed_commands%") do (
  if "%%a"=="set" set "%%b=%%c"
  if "%%a"=="join" set "%%b=%shed_home%\%%c"
  if "%%a"=="unset" set "%%b="
)
for %%v in (run ok held name id asked attr stop key more value l1 l2 l3 l4 dir up link engine commands depth home) do set "shed_%%v="
if not "%shed_choice%"=="--" goto with_rest
if defined shed_args goto with_rest
if defined shed_program goto interpreted
set "shed_file=" & set "shed_choice=" & set "shed_first=" & "%shed_file%" %*
exit /b %errorlevel%
:interpreted
set "shed_file=" & set "shed_choice=" & set "shed_first=" & set "shed_program=" & set "shed_options=" & "%shed_program%" %shed_options% "%shed_file:\=/%" %*
exit /b %errorlevel%
:with_rest
if defined shed_program goto interpreted_rest
set "shed_file=" & set "shed_choice=" & set "shed_first=" & set "shed_args=" & "%shed_file%" %shed_args%
exit /b %errorlevel%
:interpreted_rest
set "shed_file=" & set "shed_choice=" & set "shed_first=" & set "shed_args=" & set "shed_program=" & set "shed_options=" & "%shed_program%" %shed_options% "%shed_file:\=/%" %shed_args%
exit /b %errorlevel%

:endless
>&2 echo engineshed: @COMMAND@ calls shims that call each other, without an end
>&2 echo   Where it means another program of that name, have it call that by its path.
exit /b 70

rem The store: that of ENGINESHED_HOME, else the one that this file lies in. In a subroutine the path is right however it was called.
:find_home
set "shed_home=%ENGINESHED_HOME%"
if not defined shed_home goto own_home
set "shed_home=%shed_home:"=%"
if "%shed_home:~1,2%"==":\" exit /b
if "%shed_home:~1,2%"==":/" exit /b
if not "%shed_home:~0,2%"=="\\" set "shed_home="
exit /b
:own_home
for %%d in ("%~dp0..") do set "shed_home=%%~fd"
if not exist "%shed_home%\store.json" set "shed_home="
exit /b

rem Reads NAME or NAME@ID of shed_asked; shed_name stays empty for what is none.
:read_name
set "shed_name="
set "shed_id="
if not defined shed_asked exit /b
set "shed_asked=%shed_asked:"='%"
for /f "delims=\/:*?<>|&^'(), " %%a in ("x%shed_asked%") do if not "%%a"=="x%shed_asked%" exit /b
if "%shed_asked:~0,1%"=="." exit /b
if "%shed_asked:~0,1%"=="@" exit /b
for /f "tokens=1,2* delims=@" %%a in ("%shed_asked%") do (
  set "shed_name=%%a"
  set "shed_id=%%b"
)
if defined shed_id if not "%shed_asked%"=="%shed_name%@%shed_id%" set "shed_name="
if not defined shed_id if not "%shed_asked%"=="%shed_name%" set "shed_name="
exit /b

rem Finds engine = "NAME" in the project file of shed_dir: sets shed_stop to "pin" and shed_value, or to "unclear".
:read_pin
for %%f in ("%shed_dir%\engineshed.toml") do set "shed_attr=%%~af"
if "%shed_attr:~0,1%"=="d" exit /b
for /f "usebackq tokens=1* delims==" %%a in ("%shed_dir%\engineshed.toml") do (
  if not defined shed_stop (
    set "shed_key=%%a"
    set "shed_value=%%b"
    call :top_line
  )
)
if "%shed_stop%"=="table" set "shed_stop="
exit /b

:top_line
set "shed_key=%shed_key:"='%"
set "shed_more="
for /f "tokens=1,2" %%a in ("%shed_key%") do (
  set "shed_key=%%a"
  set "shed_more=%%b"
)
if "%shed_key:~0,1%"=="[" set "shed_stop=table"
if not "%shed_key:~-6%"=="engine" exit /b
if defined shed_more exit /b
set "shed_stop=unclear"
if not "%shed_key%"=="engine" exit /b
if not defined shed_value exit /b
set "shed_value=%shed_value:'=?%"
set "shed_value=%shed_value:"='%"
for /f "tokens=1,2" %%a in ("%shed_value%") do (
  set "shed_value=%%a"
  set "shed_more=%%b"
)
if defined shed_more if not "%shed_more:~0,1%"=="#" exit /b
if not "%shed_value:~0,1%%shed_value:~-1%"=="''" exit /b
set "shed_value=%shed_value:~1,-1%"
set "shed_stop=pin"
exit /b

rem What runs a script: the program that its first line names. The "bash" of Windows itself is that of another system.
:find_program
for /f "tokens=1*" %%a in ("%shed_run%") do (
  set "shed_run=%%a"
  set "shed_options=%%b"
)
for %%p in (%shed_run%.exe) do set "shed_program=%%~$PATH:p"
if not "%shed_run%"=="sh" if not "%shed_run%"=="bash" exit /b
if not defined shed_program goto git_shell
if /i not "%shed_program:\System32\=%"=="%shed_program%" set "shed_program="
if not defined shed_program goto git_shell
if /i not "%shed_program:\WindowsApps\=%"=="%shed_program%" set "shed_program="
:git_shell
for %%p in ("%ProgramFiles%\Git\bin" "%LOCALAPPDATA%\Programs\Git\bin") do (
  if not defined shed_program if exist "%%~p\%shed_run%.exe" set "shed_program=%%~p\%shed_run%.exe"
)
exit /b

:hand_over
set "shed_program="
for %%p in (engineshed.exe engineshed.cmd) do if not defined shed_program set "shed_program=%%~$PATH:p"
if not defined shed_program goto alone
if defined shed_home set "ENGINESHED_HOME=%shed_home%"
if not "%shed_choice%"=="--" goto hand_over_rest
if defined shed_args goto hand_over_rest
"%shed_program%" exec -- @COMMAND@ %*
exit /b %errorlevel%
:hand_over_rest
"%shed_program%" exec "%shed_choice%" @COMMAND@ %shed_args%
exit /b %errorlevel%
:alone
>&2 echo engineshed: No engine that is installed has the command @COMMAND@, or this needs the program "engineshed"
>&2 echo   Install that program, and see why with: engineshed current --explain
exit /b 66
