#include "server/admin.h"
int admin_open(struct server *s UNUSED, struct loop *l UNUSED, struct config *c UNUSED, struct admin **o, struct arena *a UNUSED, struct str *w UNUSED){*o=NULL;return 0;}
void admin_switch_config(struct admin *a UNUSED, struct config *c UNUSED){}
void admin_close(struct admin *a UNUSED){}
