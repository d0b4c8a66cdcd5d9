#pragma once

#include "tools/federated/dataset.h"
#include "tools/python/tributary.h"

struct tributary_data : federated::Dataset {};
