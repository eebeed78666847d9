// The vendors' own libraries sign, and the running program takes it; the program signs, with trigger
// and on the way out, and the libraries take it. Each altered body is refused by both.
// What the program says of itself as AsyncAPI is read by the parser of that specification's authors,
// and so are the documents in FILEs.
//
//   node check.mjs PROGRAM MODULES PYTHON FILE…
import { spawn, execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

const [program, modules, python, ...documents] = process.argv.slice(2);
const require = createRequire(path.join(modules, 'x'));
const load = async (name) => import(require.resolve(name));
const names = (module) => module.default ?? module;

const text = "an-invented-shared-secret-of-a-vendor";
const long = text.padEnd(64, '-');
const standard = 'whsec_' + Buffer.from('an invented shared secret').toString('base64');
const hex = Buffer.from('an invented shared secret').toString('hex');
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const edwards = generateKeyPairSync('ed25519');
const raw = edwards.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
const seed = edwards.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
const der = (key, type) => key.export({ type, format: 'der' }).toString('base64');
const now = () => Math.floor(Date.now() / 1000);
const patience = 60_000; // milliseconds for anything, on a busy machine

// within fails where something does not come in time.
const within = (wait, what) => {
  let timer;
  const late = new Promise((_, fail) => { timer = setTimeout(() => fail(new Error(`${what}: nothing within ${patience} ms`)), patience); });
  return Promise.race([wait, late]).finally(() => clearTimeout(timer));
};

// What a library does: sign makes headers for a request, verify judges one; either may be missing.
// Headers are by their lower-case names.
async function libraries() {
  const Stripe = names(await load('stripe'));
  const stripe = new Stripe('sk_test_x');
  const octokit = await import(pathlike('@octokit/webhooks-methods', 'dist-node/index.js'));
  const { Webhook: Svix } = await load('svix');
  const { Webhook: Standard } = await load('standardwebhooks');
  const twilio = names(await load('twilio'));
  const { WebhooksHelper } = await load('square');
  const { Paddle } = await load('@paddle/paddle-node-sdk');
  const { EventWebhook } = await load('@sendgrid/eventwebhook');
  const line = await load('@line/bot-sdk');
  const { LinearWebhookClient } = await load('@linear/sdk/webhooks');
  const adyen = names(await load('@adyen/api-library'));
  const Razorpay = names(await load('razorpay'));
  const discord = await load('discord-interactions');
  const sanity = await load('@sanity/webhook');
  const Pusher = names(await load('pusher'));
  const contentful = names(await load('@contentful/node-apps-toolkit'));
  const plivo = names(await load('plivo'));
  const braintree = names(await load('braintree'));
  const merchant = new braintree.BraintreeGateway({ environment: braintree.Environment.Sandbox, merchantId: 'invented', publicKey: 'invented', privateKey: text });
  await import(pathlike('@shopify/shopify-api', 'dist/esm/adapters/node/index.mjs'));
  const { shopifyApi, LogSeverity } = await import(pathlike('@shopify/shopify-api', 'dist/esm/lib/index.mjs'));
  const shopify = shopifyApi({ apiKey: 'key', apiSecretKey: text, hostName: 'shop.example', apiVersion: '2025-01', isEmbeddedApp: false, logger: { level: LogSeverity.Error } });
  const shop = { 'x-shopify-shop-domain': 'example.myshopify.com', 'x-shopify-api-version': '2025-01' }; // which an endpoint's headers may add
  const form = (body) => Object.fromEntries(new URLSearchParams(body));
  const family = (Webhook, prefix) => ({
    sign: ({ body, headers }) => {
      const at = new Date();
      const id = headers[prefix + 'id'];
      return { [prefix + 'id']: id, [prefix + 'timestamp']: String(Math.floor(at / 1000)), [prefix + 'signature']: new Webhook(standard).sign(id, at, body) };
    },
    verify: ({ body, headers }) => Boolean(new Webhook(standard).verify(body, headers)),
  });
  return {
    stripe: {
      secret: text,
      sign: ({ body }) => ({ 'stripe-signature': stripe.webhooks.generateTestHeaderString({ payload: body, secret: text }) }),
      verify: ({ body, headers }) => Boolean(stripe.webhooks.constructEvent(body, headers['stripe-signature'], text)),
    },
    github: {
      secret: text,
      sign: async ({ body }) => ({ 'x-hub-signature-256': await octokit.sign(text, body) }),
      verify: ({ body, headers }) => octokit.verify(text, body, headers['x-hub-signature-256']),
    },
    'standard-webhooks': { secret: standard, ...family(Standard, 'webhook-') },
    svix: { secret: standard, ...family(Svix, 'svix-') },
    twilio: {
      secret: text,
      sign: ({ body, url }) => ({ 'x-twilio-signature': twilio.getExpectedTwilioSignature(text, url, form(body)) }),
      verify: ({ body, headers, url }) => twilio.validateRequest(text, headers['x-twilio-signature'], url, form(body)),
    },
    square: {
      secret: text,
      verify: ({ body, headers, url }) => WebhooksHelper.verifySignature({ requestBody: body, signatureHeader: headers['x-square-hmacsha256-signature'], signatureKey: text, notificationUrl: url }),
    },
    paddle: {
      secret: text,
      verify: ({ body, headers }) => new Paddle('invented').webhooks.isSignatureValid(body, text, headers['paddle-signature']),
    },
    sendgrid: {
      secret: der(curve.publicKey, 'spki'), private: der(curve.privateKey, 'pkcs8'),
      verify: ({ body, headers }) => {
        const w = new EventWebhook();
        return w.verifySignature(w.convertPublicKeyToECDSA(der(curve.publicKey, 'spki')), body, headers['x-twilio-email-event-webhook-signature'], headers['x-twilio-email-event-webhook-timestamp']);
      },
    },
    shopify: {
      secret: text,
      verify: async ({ body, headers }) => (await shopify.webhooks.validate({ rawBody: body, rawRequest: { method: 'POST', url: '/', headers: { ...shop, ...headers } }, rawResponse: {} })).valid,
    },
    line: { secret: text, verify: ({ body, headers }) => line.validateSignature(body, text, headers['x-line-signature']) },
    linear: {
      secret: text,
      verify: ({ body, headers }) => new LinearWebhookClient(text).verify(Buffer.from(body), headers['linear-signature'], JSON.parse(body).webhookTimestamp),
    },
    adyen: {
      secret: hex,
      resign: (body) => {
        const document = JSON.parse(body);
        const item = document.notificationItems[0].NotificationRequestItem;
        item.additionalData.hmacSignature = new adyen.hmacValidator().calculateHmac(item, hex);
        return JSON.stringify(document);
      },
      verify: ({ body }) => {
        const item = JSON.parse(body).notificationItems[0].NotificationRequestItem;
        return new adyen.hmacValidator().validateHMAC(item, hex);
      },
    },
    razorpay: { secret: text, verify: ({ body, headers }) => Razorpay.validateWebhookSignature(body, headers['x-razorpay-signature'], text) },
    discord: {
      secret: raw.toString('hex'), private: Buffer.concat([seed, raw]).toString('hex'),
      verify: ({ body, headers }) => discord.verifyKey(body, headers['x-signature-ed25519'], headers['x-signature-timestamp'], raw.toString('hex')),
    },
    sanity: {
      secret: text,
      sign: async ({ body }) => ({ 'sanity-webhook-signature': await sanity.encodeSignatureHeader(body, Date.now(), text) }),
      verify: ({ body, headers }) => sanity.isValidSignature(body, headers['sanity-webhook-signature'], text),
    },
    pusher: {
      secret: text,
      verify: ({ body, headers }) => new Pusher({ appId: '1', key: 'key', secret: text, cluster: 'eu' })
        .webhook({ headers: { ...headers, 'x-pusher-key': 'key', 'content-type': 'application/json' }, rawBody: body }).isValid(),
    },
    contentful: {
      secret: long,
      sign: ({ body, headers, url }) => contentful.signRequest(long, { method: 'POST', path: new URL(url).pathname, headers: { 'x-contentful-topic': headers['x-contentful-topic'] }, body }),
      verify: ({ body, headers, url }) => contentful.verifyRequest(long, { method: 'POST', path: new URL(url).pathname, headers, body }),
    },
    plivo: {
      secret: text,
      verify: ({ body, headers, url }) => plivo.validateV3Signature('POST', url, headers['x-plivo-signature-v3-nonce'], text, headers['x-plivo-signature-v3'], form(body)),
    },
    braintree: {
      secret: text, options: 'public_key=invented',
      resign: () => new URLSearchParams(merchant.webhookTesting.sampleNotification(braintree.WebhookNotification.Kind.DisputeOpened, '7')).toString(),
      verify: ({ body }) => !merchant.webhookNotification.validateSignature(form(body).bt_signature, form(body).bt_payload),
    },
    slack: {
      secret: text,
      sign: ({ body }) => {
        const at = String(now());
        return { 'x-slack-request-timestamp': at, 'x-slack-signature': slack('generate_signature', { at, body }) };
      },
      verify: ({ body, headers }) => slack('is_valid', { at: headers['x-slack-request-timestamp'], body, signature: headers['x-slack-signature'] }) === 'True',
    },
  };
}

// pathlike is a file of a package that has no door for require.
const pathlike = (name, file) => path.join(modules, 'node_modules', name, file);

const slack = (method, what) => execFileSync(python, ['-c', `
import json, sys
from slack_sdk.signature import SignatureVerifier
w = json.load(sys.stdin)
v = SignatureVerifier("${text}")
print(v.generate_signature(timestamp=w["at"], body=w["body"]) if "${method}" == "generate_signature" else v.is_valid(w["body"], w["at"], w["signature"]))
`], { input: JSON.stringify(what), timeout: patience }).toString().trim();

const variable = (name) => name.toUpperCase().replaceAll('-', '_');

// start runs the program with a source and an endpoint for each library.
async function start(all, folder, receiver) {
  const env = { ...process.env, HOOKSPAN_DATA_DIR: folder, HOOKSPAN_LISTEN: '127.0.0.1:0', HOOKSPAN_ADMIN_LISTEN: '127.0.0.1:0', HOOKSPAN_LOG_FORMAT: 'json',
    HOOKSPAN_SOURCES: [...Object.keys(all), 'events'].join(), HOOKSPAN_SOURCE_EVENTS_PROVIDER: 'cloudevents', HOOKSPAN_SOURCE_EVENTS_SECRETS: text,
    HOOKSPAN_ENDPOINTS: [], HOOKSPAN_EGRESS_ALLOW: '127.0.0.0/8' };
  for (const [name, one] of Object.entries(all)) {
    env[`HOOKSPAN_SOURCE_${variable(name)}_PROVIDER`] = name;
    env[`HOOKSPAN_SOURCE_${variable(name)}_SECRETS`] = one.secret;
    if (one.options) env[`HOOKSPAN_SOURCE_${variable(name)}_OPTIONS`] = one.options;
    if (signs(name)) {
      env.HOOKSPAN_ENDPOINTS.push(name);
      Object.assign(env, {
        [`HOOKSPAN_ENDPOINT_${variable(name)}_URL`]: `http://127.0.0.1:${receiver.address().port}/${name}`,
        [`HOOKSPAN_ENDPOINT_${variable(name)}_SIGNATURE`]: name === 'standard-webhooks' ? 'standard' : 'provider:' + name,
        [`HOOKSPAN_ENDPOINT_${variable(name)}_SECRETS`]: one.private ?? one.secret,
        [`HOOKSPAN_ENDPOINT_${variable(name)}_EVENTS`]: 'com.example.*',
        [`HOOKSPAN_ENDPOINT_${variable(name)}_CONTENT`]: 'data',
      });
    }
  }
  env.HOOKSPAN_ENDPOINTS = env.HOOKSPAN_ENDPOINTS.join();
  const server = spawn(program, ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(server);
  const said = [];
  const ready = (async () => {
    for await (const line of readline.createInterface({ input: server.stderr })) {
      said.push(line);
      if (line.includes('"msg":"ready"')) {
        server.stderr.resume();
        return JSON.parse(line);
      }
    }
    throw new Error('it ended');
  })();
  try {
    const { intake, admin } = await within(ready, 'the start');
    return { url: `http://${intake}/webhooks/`, api: `http://${admin}/v1/` };
  } catch (error) {
    throw new Error(`${error.message}\n${said.join('\n')}`);
  }
}

// stop ends a program that may have ended.
async function stop(server) {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await within(ended, 'the stop').catch(() => server.kill('SIGKILL'));
}

// signs: the program can sign for somebody else as this provider.
const signs = (name) => !['twilio', 'linear', 'adyen', 'contentful', 'plivo', 'braintree'].includes(name);

// request is one as trigger prints it.
function request(name, one, url) {
  const printed = execFileSync(program, ['trigger', name, '--to', url + name, '--secret', one.private ?? one.secret, ...(one.options ? ['--option', one.options] : []), '--print'], { timeout: patience }).toString();
  const [head, ...rest] = printed.split('\r\n\r\n');
  const [first, ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
  return { body: rest.join('\r\n\r\n'), headers, url: new URL(first.split(' ')[1], url).href };
}

const altered = (body) => body.replace(/[0-9](?=[^0-9]*$)/, (digit) => String((Number(digit) + 1) % 10));

async function send({ url, body, headers }) {
  const { host, 'content-length': length, ...others } = headers;
  const answer = await fetch(url, { method: 'POST', headers: others, body, signal: AbortSignal.timeout(patience) });
  await answer.arrayBuffer();
  return answer.status;
}

const takes = async (request) => Math.floor(await send(request) / 100) === 2;
const refuses = async (request) => await send(request) === 401;

const holds = async (verify, given) => {
  try {
    return Boolean(await verify(given));
  } catch (error) {
    if (error instanceof TypeError || error instanceof ReferenceError) throw error;
    return false; // libraries throw where others say no
  }
};

const right = (yes) => (yes ? 'right' : 'WRONG');

async function check(name, one, url, delivered) {
  const row = { 'they sign': '-', trigger: '-', 'way out': '-' };
  const made = request(name, one, url);
  const bad = { ...made, body: altered(made.body) };
  row.trigger = right(await holds(one.verify, made) && !await holds(one.verify, bad));
  if (one.resign) {
    const body = one.resign(made.body);
    row['they sign'] = right(await takes({ ...made, body }) && await refuses({ ...made, body: altered(body) }));
  }
  if (one.sign) {
    const headers = { ...made.headers, ...await one.sign(made) };
    row['they sign'] = right(await takes({ ...made, headers }) && await refuses({ ...made, headers, body: bad.body }));
  }
  if (signs(name)) {
    const got = await within(delivered[name], `the delivery to ${name}`);
    row['way out'] = right(await holds(one.verify, got) && !await holds(one.verify, { ...got, body: altered(got.body) }));
  }
  return row;
}

// faults are what the parser says of a document.
async function faults(text) {
  const { Parser } = names(await load('@asyncapi/parser'));
  const { document, diagnostics } = await new Parser().parse(text);
  return diagnostics.slice(0, 5).map((d) => `${d.path.join('/')}: ${d.message}`).concat(document ? [] : 'no document');
}

const folder = mkdtempSync(path.join(tmpdir(), 'sdks-'));
const running = [];
const delivered = {}, arrived = {};
const receiver = createServer((question, answer) => {
  const parts = [];
  question.on('data', (part) => parts.push(part));
  question.on('end', () => {
    answer.end();
    arrived[question.url.slice(1)]({ body: Buffer.concat(parts).toString(), headers: question.headers, url: `http://${question.headers.host}${question.url}` });
  });
});
let wrong = 0;
try {
  const all = await libraries();
  for (const name of Object.keys(all)) {
    delivered[name] = new Promise((resolve) => { arrived[name] = resolve; });
  }
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { url, api } = await start(all, folder, receiver);
  const event = { specversion: '1.0', id: '1', source: '/shop', type: 'com.example.order.paid', datacontenttype: 'application/json', data: { order: 7, total: 19.9 } };
  const headers = { 'content-type': 'application/cloudevents+json', authorization: 'Bearer ' + text };
  if (!await takes({ url: url + 'events', body: JSON.stringify(event), headers })) throw new Error('the event is not taken');
  const table = {};
  for (const [name, one] of Object.entries(all)) {
    table[name] = await check(name, one, url, delivered);
    wrong += Object.values(table[name]).filter((value) => value === 'WRONG').length;
  }
  console.table(table);
  const ask = (what) => fetch(api + what, { headers: { authorization: 'Bearer ' + readFileSync(path.join(folder, 'admin-token'), 'utf8').trim() } });
  const { items } = await (await ask('quarantine')).json();
  if (items.length > 0) throw new Error(`taken, and not understood: ${JSON.stringify(items)}`);
  const described = [['the running program', await (await ask('asyncapi.json')).text()], ...documents.map((file) => [file, readFileSync(file, 'utf8')])];
  for (const [name, text] of described) {
    const found = await faults(text);
    if (found.length > 0) throw new Error(`AsyncAPI of ${name}: ${found.join('; ')}`);
    console.log(`AsyncAPI of ${name}: valid`);
  }
  if ((await faults('{"asyncapi":"3.1.0"}')).length === 0) throw new Error('the parser of AsyncAPI takes anything');
} finally {
  receiver.close();
  receiver.closeAllConnections();
  await Promise.all(running.map(stop));
  rmSync(folder, { recursive: true });
}
process.exit(wrong > 0 ? 1 : 0);
