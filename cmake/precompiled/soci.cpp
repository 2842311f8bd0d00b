#include "soci.h"
