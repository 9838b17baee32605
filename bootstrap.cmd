@echo off
setlocal
set "PY=python"
for %%V in (3.13 3.12 3.11) do (
  py -%%V -c "" >nul 2>nul && ( set "PY=py -%%V" & goto run )
)
:run
%PY% "%~dp0bootstrap.py" %*
exit /b %ERRORLEVEL%
