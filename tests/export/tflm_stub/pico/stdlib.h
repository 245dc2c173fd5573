#pragma once

inline bool stdio_init_all() { return true; }
