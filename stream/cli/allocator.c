// What jemalloc is set to; MALLOC_CONF in the environment goes over it.
//
// thp: users' records lie all over the heap, and a huge page spares most of what looking up their addresses
// costs. oversize_threshold: the library's fetch buffers are larger than its default of 8 MiB, from which on
// memory is given back to the kernel at once, to be cleared and mapped again for the next fetch.
extern const char *malloc_conf;
const char *malloc_conf = "thp:always,oversize_threshold:0";
