// millrace VERB ...: one file a verb.
#include <stdio.h>

int
main(void)
{
	fputs("millrace: no verb yet\n", stderr);
	return 2;
}
