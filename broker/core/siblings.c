/* The order of siblings: see siblings.h.
 *
 * Parents have hashes that are not below those of their children. A new node takes the place where
 * that would end, and what was there is split into what is before it and what is behind; where one
 * goes, its two subtrees are merged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/siblings.h"

#include <assert.h>
#include <stddef.h>

static bool is_before(const struct topic_node *node, struct slice level)
{
    return slice_compare(topic_node_level(node), level) < 0;
}

void siblings_add(struct topic_node **root, struct topic_node *node)
{
    struct slice level = topic_node_level(node);
    struct topic_node **place = root, *before = NULL, *behind = NULL;

    while (*place && (*place)->hash >= node->hash) {
        struct topic_node *at = *place;
        bool goes_right = is_before(at, level);
        *(goes_right ? &before : &behind) = at;
        place = goes_right ? &at->right : &at->left;
    }
    struct topic_node *rest = *place, **left = &node->left, **right = &node->right;
    *place = node;
    while (rest) {
        if (is_before(rest, level)) {
            *left = before = rest;
            left = &rest->right;
            rest = rest->right;
        } else {
            *right = behind = rest;
            right = &rest->left;
            rest = rest->left;
        }
    }
    *left = *right = NULL;
    node->next = behind;
    if (before) {
        before->next = node;
    }
}

static struct topic_node *last_of(struct topic_node *root)
{
    while (root && root->right) {
        root = root->right;
    }
    return root;
}

void siblings_remove(struct topic_node **root, const struct topic_node *node)
{
    struct slice level = topic_node_level(node);
    struct topic_node **place = root, *before = NULL;

    while (*place != node) {
        struct topic_node *at = *place;
        assert(at);
        if (is_before(at, level)) {
            before = at;
            place = &at->right;
        } else {
            place = &at->left;
        }
    }
    struct topic_node *left = node->left, *right = node->right;
    before = left ? last_of(left) : before;
    if (before) {
        before->next = node->next;
    }
    while (left && right) {
        if (left->hash >= right->hash) {
            *place = left;
            place = &left->right;
            left = left->right;
        } else {
            *place = right;
            place = &right->left;
            right = right->left;
        }
    }
    *place = left ? left : right;
}

const struct topic_node *siblings_first(const struct topic_node *root)
{
    while (root && root->left) {
        root = root->left;
    }
    return root;
}

const struct topic_node *siblings_from(const struct topic_node *root, struct slice level)
{
    const struct topic_node *found = NULL;

    while (root) {
        bool goes_right = is_before(root, level);
        found = goes_right ? found : root;
        root = goes_right ? root->right : root->left;
    }
    return found;
}
