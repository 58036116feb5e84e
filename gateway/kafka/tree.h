/* What tree.c, tree_decode.c and tree_encode.c share. */
#ifndef KAFKA_TREE_H
#define KAFKA_TREE_H

#include <alcove/kafka.h>

/* A chain of views that a node points to; in the arena, its references let go by kfk_tree_fini. */
struct kfk_held {
	struct kfk_held *next;
	struct alv_chain chain;
};

void kfk_node_link(struct kfk_node *parent, struct kfk_node *k);
/* A node at the end of parent's; the tree's dead end where there is no memory. */
struct kfk_node *kfk_node_new(struct kfk_tree *t, struct kfk_node *parent, uint16_t id);

#endif
