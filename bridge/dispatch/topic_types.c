/* See topic_types.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/topic_types.h"

#include "access/characters.h"
#include "resource/topic.h"

enum { EVENT_TYPES_MAX = 40 };

struct topic_type {
    const char *name;     /* of system topics */
    const char *resource; /* type of resource */
    const char *display;
    const char *events[EVENT_TYPES_MAX]; /* behind the part of the name before its last dot */
};

#define RESOURCE_EVENTS                                                                            \
    {                                                                                              \
        "ResourceWriteSuccess", "ResourceWriteFailure", "ResourceWriteCancel",                     \
            "ResourceDeleteSuccess", "ResourceDeleteFailure", "ResourceDeleteCancel",              \
            "ResourceActionSuccess", "ResourceActionFailure", "ResourceActionCancel"               \
    }

/* clang-format off */
static const struct topic_type types[] = {
    {"Microsoft.Storage.StorageAccounts", "Microsoft.Storage/storageAccounts", "Storage Accounts",
     {"BlobCreated", "BlobDeleted", "BlobRenamed", "BlobTierChanged", "DirectoryCreated",
     "DirectoryRenamed", "DirectoryDeleted", "AsyncOperationInitiated",
     "BlobInventoryPolicyCompleted", "LifecyclePolicyCompleted", "StorageTaskQueued",
     "StorageTaskCompleted", "StorageTaskAssignmentQueued", "StorageTaskAssignmentCompleted"}},
    {"Microsoft.Resources.Subscriptions", "subscriptions", "Azure Subscriptions", RESOURCE_EVENTS},
    {"Microsoft.Resources.ResourceGroups", "resourceGroups", "Resource Groups", RESOURCE_EVENTS},
    {NAMESPACES_TOPIC_TYPE, "Microsoft.EventGrid/namespaces", "Event Grid Namespaces",
     {"MQTTClientCreatedOrUpdated", "MQTTClientDeleted", "MQTTClientSessionConnected",
     "MQTTClientSessionDisconnected"}},
    {"Microsoft.EventGrid.Topics", "Microsoft.EventGrid/topics", "Event Grid Topics", {NULL}},
    {"Microsoft.EventGrid.Domains", "Microsoft.EventGrid/domains", "Event Grid Domains", {NULL}},
    {"Microsoft.SignalRService.SignalR", "Microsoft.SignalRService/SignalR", "SignalR",
     {"ClientConnectionConnected", "ClientConnectionDisconnected"}},
    {"Microsoft.Devices.IoTHubs", "Microsoft.Devices/IotHubs", "IoT Hubs", {"DeviceCreated",
     "DeviceDeleted", "DeviceConnected", "DeviceDisconnected", "DeviceTelemetry"}},
    {"Microsoft.EventHub.Namespaces", "Microsoft.EventHub/namespaces", "Event Hubs Namespaces",
     {"CaptureFileCreated"}},
    {"Microsoft.ServiceBus.Namespaces", "Microsoft.ServiceBus/namespaces",
     "Service Bus Namespaces", {"ActiveMessagesAvailableWithNoListeners",
     "DeadletterMessagesAvailableWithNoListeners", "ActiveMessagesAvailablePeriodicNotifications",
     "DeadletterMessagesAvailablePeriodicNotifications"}},
    {"Microsoft.KeyVault.vaults", "Microsoft.KeyVault/vaults", "Key Vaults",
     {"CertificateNewVersionCreated", "CertificateNearExpiry", "CertificateExpired",
     "KeyNewVersionCreated", "KeyNearExpiry", "KeyExpired", "SecretNewVersionCreated",
     "SecretNearExpiry", "SecretExpired", "VaultAccessPolicyChanged"}},
    {"Microsoft.ContainerRegistry.Registries", "Microsoft.ContainerRegistry/registries",
     "Container Registries", {"ImagePushed", "ImageDeleted", "ChartPushed", "ChartDeleted"}},
    {"Microsoft.AppConfiguration.ConfigurationStores",
     "Microsoft.AppConfiguration/configurationStores", "App Configuration Stores",
     {"KeyValueModified", "KeyValueDeleted", "SnapshotCreated", "SnapshotModified"}},
    {"Microsoft.Communication.CommunicationServices",
     "Microsoft.Communication/communicationServices", "Communication Services", {"SMSReceived",
     "SMSDeliveryReportReceived", "ChatMessageReceived", "ChatThreadCreated", "CallStarted",
     "CallEnded", "IncomingCall", "RecordingFileStatusUpdated", "EmailDeliveryReportReceived",
     "EmailEngagementTrackingReportReceived"}},
    {"Microsoft.Web.Sites", "Microsoft.Web/sites", "App Services", {"AppUpdated",
     "BackupOperationStarted", "BackupOperationCompleted", "BackupOperationFailed",
     "RestoreOperationStarted", "RestoreOperationCompleted", "RestoreOperationFailed",
     "SlotSwapStarted", "SlotSwapCompleted", "SlotSwapFailed", "SlotSwapWithPreviewStarted",
     "SlotSwapWithPreviewCancelled"}},
    {"Microsoft.Cache.Redis", "Microsoft.Cache/Redis", "Caches for Redis", {"PatchingCompleted",
     "ScalingCompleted", "ExportRDBCompleted", "ImportRDBCompleted"}},
    {"Microsoft.ContainerService.ManagedClusters", "Microsoft.ContainerService/managedClusters",
     "Kubernetes Services", {"NewKubernetesVersionAvailable", "ClusterSupportEnded",
     "ClusterSupportEnding", "NodePoolRollingStarted", "NodePoolRollingSucceeded",
     "NodePoolRollingFailed"}},
    {"Microsoft.PolicyInsights.PolicyStates", "Microsoft.PolicyInsights/policyStates",
     "Policy States", {"PolicyStateCreated", "PolicyStateChanged", "PolicyStateDeleted"}},
    {"Microsoft.ApiManagement.Service", "Microsoft.ApiManagement/service", "API Management",
     {"APICreated", "APIUpdated", "APIDeleted", "ProductCreated", "ProductUpdated",
     "ProductDeleted", "UserCreated", "UserUpdated", "UserDeleted", "SubscriptionCreated",
     "SubscriptionUpdated", "SubscriptionDeleted"}},
    {"Microsoft.MachineLearningServices.Workspaces",
     "Microsoft.MachineLearningServices/workspaces", "Machine Learning Workspaces",
     {"ModelRegistered", "ModelDeployed", "RunCompleted", "RunStatusChanged",
     "DatasetDriftDetected"}},
    {"Microsoft.Maps.Accounts", "Microsoft.Maps/accounts", "Maps Accounts", {"GeofenceEntered",
     "GeofenceExited", "GeofenceResult"}},
};
/* clang-format on */

enum { TYPES = sizeof(types) / sizeof(types[0]) };

#define TYPES_PATH "/providers/Microsoft.EventGrid/topicTypes/"

/* --- finding --- */

const struct topic_type *topic_type_find(struct slice name)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (equal_ignoring_case(slice_from_string(types[i].name), name)) {
            return &types[i];
        }
    }
    return NULL;
}

/* The type of the innermost resource that the id names: "Microsoft.Storage/storageAccounts", of
 * resource groups and Azure subscriptions just the word. */
static void append_resource_type(struct buffer *out, struct slice id)
{
    while (id.length > 0) {
        struct slice segment = take_up_to(&id, '/');
        if (equal_ignoring_case(segment, SLICE_LITERAL("providers"))) {
            out->length = 0;
            buffer_append(out, take_up_to(&id, '/'));
            buffer_append_byte(out, '/');
            buffer_append(out, take_up_to(&id, '/'));
            take_up_to(&id, '/');
        } else if (segment.length > 0) {
            out->length = 0;
            buffer_append(out, segment);
            take_up_to(&id, '/');
        }
    }
}

const struct topic_type *topic_type_of_resource(struct slice id)
{
    struct buffer resource = {0};
    const struct topic_type *found = NULL;

    append_resource_type(&resource, id);
    for (size_t i = 0; i < TYPES && !found; i++) {
        if (equal_ignoring_case(slice_from_string(types[i].resource), buffer_slice(&resource))) {
            found = &types[i];
        }
    }
    buffer_release(&resource);
    return found;
}

const char *topic_type_name(const struct topic_type *type)
{
    return type->name;
}

/* --- answers --- */

/* "Microsoft.Storage" */
static struct slice provider_of(const struct topic_type *type)
{
    return slice_make(type->name, (size_t)(strrchr(type->name, '.') - type->name));
}

void topic_type_append(struct buffer *out, const struct topic_type *type)
{
    buffer_append_format(out,
                         "{\"id\":\"" TYPES_PATH "%s\",\"name\":\"%s\","
                         "\"type\":\"Microsoft.EventGrid/topicTypes\",\"properties\":{"
                         "\"provider\":\"%.*s\",\"displayName\":\"%s\",\"description\":\"%s\","
                         "\"resourceRegionType\":\"GlobalResource\","
                         "\"provisioningState\":\"Succeeded\",\"supportedLocations\":[],"
                         "\"sourceResourceFormat\":\"%s\"}}",
                         type->name, type->name, SLICE_PRINT(provider_of(type)), type->display,
                         type->display, type->resource);
}

void topic_types_append(struct buffer *out)
{
    buffer_append_string(out, "{\"value\":[");
    for (size_t i = 0; i < TYPES; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        topic_type_append(out, &types[i]);
    }
    buffer_append_string(out, "]}");
}

static void append_event(struct buffer *out, const struct topic_type *type, const char *event)
{
    struct slice provider = provider_of(type);

    buffer_append_format(out,
                         "{\"id\":\"" TYPES_PATH "%s/eventTypes/%.*s.%s\",\"name\":\"%.*s.%s\","
                         "\"type\":\"Microsoft.EventGrid/topicTypes/eventTypes\",\"properties\":{"
                         "\"displayName\":\"%s\",\"isInDefaultSet\":true}}",
                         type->name, SLICE_PRINT(provider), event, SLICE_PRINT(provider), event,
                         event);
}

void topic_type_append_events(struct buffer *out, const struct topic_type *type)
{
    buffer_append_string(out, "{\"value\":[");
    for (size_t i = 0; type && i < EVENT_TYPES_MAX && type->events[i]; i++) {
        buffer_append_string(out, i > 0 ? "," : "");
        append_event(out, type, type->events[i]);
    }
    buffer_append_string(out, "]}");
}
