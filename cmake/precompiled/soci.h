// For what uses SOCI.
#pragma once

#include <soci/soci.h>

#include "standard.h"
