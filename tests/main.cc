#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "abort_on_failed_check.h"

#include <doctest/doctest.h>
