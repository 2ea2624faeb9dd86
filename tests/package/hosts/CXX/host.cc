#include <pinnate/controller.h>
#include <iostream>
int main() { return !(std::cout << pinnate_version() << std::endl); }
