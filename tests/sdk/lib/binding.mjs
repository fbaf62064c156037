/* The CloudEvents binding of MQTT between npm's cloudevents and MQTT.js.
 *
 * SPDX-License-Identifier: Apache-2.0 */

/* A message that MQTT.js has got, as MQTT.toEvent wants it. */
export function message({ payload, packet: { properties } }) {
    const { contentType, userProperties = {} } = properties;
    const isStructured = contentType.startsWith('application/cloudevents');
    const isJson = /json/.test(contentType);
    return {
        PUBLISH: { 'Content Type': contentType },
        headers: { ...userProperties, ...(!isStructured && { datacontenttype: contentType }) },
        body: isJson ? JSON.parse(payload) : payload.toString(),
    };
}

/* Options of publish() for what MQTT.binary or MQTT.structured has made. */
export const properties = (mode, more = {}) => {
    const { PUBLISH, headers } = mode;
    const userProperties = Object.fromEntries(
        Object.entries(headers)
            .filter(([name, value]) => value !== undefined && name !== 'datacontenttype')
            .map(([name, value]) => [name, String(value)]),
    );
    return {
        qos: 1,
        properties: {
            contentType: PUBLISH['Content Type'],
            ...(Object.keys(userProperties).length && { userProperties }), // MQTT.js stumbles over none
            ...more,
        },
    };
};
