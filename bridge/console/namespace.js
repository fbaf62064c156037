/* A namespace of Event Grid: what its MQTT clients are and may do, how they sign in, and which of their messages become events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
import { card, code, day, facts, field, fill, make, paged, properties, table } from './dom.js';
import { API, hashOf } from './sources.js';

const NAMES_AT_ONCE = 100;
const OF_PLAN = 1000; // groups, spaces, bindings, authorities: more there cannot be, or nobody has

const lines = (texts) => texts.map((text) => make('div', {}, make('code', {}, text)));

const attributeText = ([name, value]) => `${name} = ${JSON.stringify(value)}`;

/* How clients are told apart beyond passwords (docs/eventgrid.md, "Signing in"). */
function certificateText({ clientCertificateAuthentication: scheme }) {
    const thumbprints = scheme?.allowedThumbprints ?? [];
    return scheme ? [scheme.validationScheme, ...thumbprints.map((print) => make('div', { className: 'note' }, print))] : '';
}

const clientColumns = [
    { title: 'Client', cell: ({ name, properties: { description } }) => [name, description ? make('div', { className: 'note' }, description) : null] },
    { title: 'Authentication name', cell: ({ properties: { authenticationName } }) => authenticationName },
    { title: 'State', cell: ({ properties: { state } }) => state },
    { title: 'Attributes', cell: ({ properties: { attributes } }) => lines(Object.entries(attributes ?? {}).map(attributeText)) },
    { title: 'Its certificate', cell: ({ properties: of }) => certificateText(of) },
    {
        title: 'Sessions',
        cell: ({ properties: { authenticationName } }) =>
            make('a', { href: `#connections/${encodeURIComponent(authenticationName)}`, 'aria-label': `Find sessions of ${authenticationName}` }, 'Find'),
    },
];

const description = { title: 'Description', cell: (row) => row.properties.description };

/* What one comes for, beside clients: how each kind of child is shown. */
const kinds = [
    {
        list: 'clientGroups', title: 'Client groups', empty: 'None; $all is there in any case.',
        columns: [
            { title: 'Group', cell: (row) => row.name },
            { title: 'Query', cell: (row) => make('code', {}, row.properties.query) },
            description,
        ],
    },
    {
        list: 'topicSpaces', title: 'Topic spaces', empty: 'None, so no permission binding can be made.',
        columns: [
            { title: 'Topic space', cell: (row) => row.name },
            { title: 'Templates', cell: (row) => lines(row.properties.topicTemplates) },
            description,
        ],
    },
    {
        list: 'permissionBindings', title: 'Permission bindings', empty: 'None: only access rules of the configuration allow something.',
        columns: [
            { title: 'Binding', cell: (row) => row.name },
            { title: 'Clients of', cell: (row) => row.properties.clientGroupName },
            { title: 'May', cell: (row) => (row.properties.permission === 'Publisher' ? 'publish to' : 'subscribe to') },
            { title: 'Topic space', cell: (row) => row.properties.topicSpaceName },
            description,
        ],
    },
    {
        list: 'caCertificates', title: 'CA certificates', empty: 'None: certificates of clients are vouched for by the listener’s own authority, or by their thumbprint.',
        columns: [
            { title: 'Authority', cell: (row) => row.name },
            { title: 'Good from', cell: (row) => day(row.properties.issueTimeInUtc) },
            { title: 'to', cell: (row) => day(row.properties.expiryTimeInUtc) },
            description,
            { title: 'Certificate', cell: (row) => make('details', {}, make('summary', {}, 'PEM'), code(row.properties.encodedCertificate)) },
        ],
    },
];

/* ---------------------------------------------------------------- the namespace itself */

function signIn({ clientAuthentication: ways = {} }) {
    const { alternativeAuthenticationNameSources: names = [], customJwtAuthentication: jwt, webhookAuthentication: hook } = ways;
    return [
        ['Names in certificates', names.length > 0 ? names.join(', ') : 'none: clients say their name as user name'],
        ['Tokens', jwt ? `of ${jwt.tokenIssuer}` : 'only those that an access key has signed'],
        ['Webhook', hook ? hook.endpointBaseUrl ?? 'asked about others' : 'none'],
    ];
}

function summary({ name, properties: of, id }) {
    const mqtt = of.topicSpacesConfiguration;
    const isEnabled = mqtt?.state === 'Enabled';
    return card(`Namespace ${name}`,
        facts([
            ['Resource', id],
            ['Endpoint', of.endpoint],
            ['Publishers', of.publicNetworkAccess === 'Disabled' ? 'only from this machine' : 'from everywhere'],
            ['MQTT clients', isEnabled ? 'those of this namespace' : 'not those of this namespace: topicSpacesConfiguration.state is not Enabled'],
            ...(isEnabled ? [
                ['Sessions', `${mqtt.maximumClientSessionsPerAuthenticationName ?? 1} of a name, for ${mqtt.maximumSessionExpiryInHours ?? 1} h without a connection`],
                ...signIn(mqtt),
            ] : []),
        ]), properties(of));
}

/* 'namespaces/plant/topics/readings', by the id of Azure Resource Manager or in short. */
const shortId = (id) => id.replace(/^.*\/Microsoft\.EventGrid\//i, '');

function routing({ properties: { topicSpacesConfiguration: mqtt } }) {
    const { routeTopicResourceId: first, routes: others = [], routingEnrichments: added = {} } = mqtt ?? {};
    const routes = [
        ...(first ? [{ name: 'default', topicFilters: ['all topics'], topicResourceId: first }] : []),
        ...others,
    ];
    const enrichments = [...(added.static ?? []), ...(added.dynamic ?? [])];
    return card('Routing: MQTT messages that become events',
        table('Routes', [
            { title: 'Route', cell: (row) => row.name },
            { title: 'Topic filters', cell: (row) => lines(row.topicFilters) },
            { title: 'Event topic', cell: (row) => make('a', { href: hashOf(shortId(row.topicResourceId)) }, shortId(row.topicResourceId)) },
        ], routes, 'No message becomes an event.'),
        enrichments.length > 0 ? make('h3', {}, 'Attributes that these events get') : null,
        enrichments.length > 0 ? table('Enrichments', [
            { title: 'Attribute', cell: (row) => row.key },
            { title: 'Value', cell: (row) => make('code', {}, String(row.value)) },
        ], enrichments) : null);
}

/* ---------------------------------------------------------------- what it has */

/* There may be any number of them. */
function clients(session, base) {
    const list = make('div', {}), name = make('input', { type: 'search' });
    const load = paged(list, (next) => {
        const filter = name.value ? `&$filter=${encodeURIComponent(`contains(name,'${name.value.replaceAll("'", "''")}')`)}` : '';
        return session.page(next ?? `${base}/clients?$top=${NAMES_AT_ONCE}${filter}`);
    }, (rows) => table('MQTT clients', clientColumns, rows,
        name.value ? 'No client has such a name.' : 'None. Whoever signs in without a client resource is in the group $all only.'));
    const search = make('form', {
        className: 'row',
        onsubmit(event) {
            event.preventDefault();
            load();
        },
    }, field('Name contains', name), make('button', {}, 'Find'));
    load();
    return card('MQTT clients', search, list);
}

const children = (session, base, { list, title, columns, empty }) => {
    const place = make('div', {});
    fill(place, async () => table(title, columns, await session.list(`${base}/${list}?$top=100`, OF_PLAN), empty));
    return card(title, place);
};

/* Cards of the namespace; `topics` are its topics. */
export function namespaceCards(session, source, topics) {
    const base = `${API}${source.path}`;
    return [
        summary(source),
        card('Topics', table('Topics of the namespace', [
            { title: 'Topic', cell: (row) => make('a', { href: hashOf(row.path) }, row.name) },
            { title: 'Events wait at most', cell: (row) => `${row.properties.eventRetentionInDays} d` },
            { title: 'Publish to', cell: (row) => row.properties.endpoint },
        ], topics, `None. pubgrid namespace topic create ${source.name} NAME makes one.`)),
        routing(source),
        clients(session, base),
        ...kinds.map((kind) => children(session, base, kind)),
    ];
}
