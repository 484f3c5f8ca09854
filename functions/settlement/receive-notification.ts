// POST /v1/notifications/...: a provider reports the state of a payment. The notification is verified and kept, but not
// believed: settle-topup asks the provider.

import { anyone, defineFunction, type Reply } from '../../shared/platform/http/function.ts';
import { Problem } from '../../shared/platform/http/problem.ts';
import { log } from '../../shared/platform/telemetry/log.ts';
import type { NotificationReply } from '../../shared/providers/provider.ts';
import { providers } from '../../shared/providers/providers.ts';
import { keepNotification } from '../../shared/topups/notification.ts';
import { apiOf } from '../../shared/topups/provider.ts';

/** One route for each path that a provider posts to, described in the terms of its protocol. */
const routes = providers.flatMap(({ method, title, notifications }) => {
  if (!notifications) return [];
  const { paths, description, headers, body, answer, alsoStatus } = notifications;
  const summary = `What ${title} calls when a payment changes`;
  const described = { summary, description, answer, alsoStatus, protocol: { headers, body } };
  return paths.map((path) => ({ method, path, route: `POST ${path}` as const, described }));
});

const [first, ...others] = routes;
if (!first) throw new Error('no provider declares a path for its notifications');

export default defineFunction({
  name: 'receive-notification',
  summary: first.described.summary,
  description: first.described.description,
  uses: { database: 'money', kafka: true, providers: true },
  http: {
    route: first.route,
    alsoAt: others.map(({ route }) => route),
    describedAt: Object.fromEntries(others.map(({ route, described }) => [route, described])),
    limit: { perMinute: 3000, by: 'address' },
    caller: anyone,
    answer: first.described.answer,
    status: 200,
    alsoStatus: first.described.alsoStatus,
    protocol: first.described.protocol,
    raw: 'application/json',
    errors: [],

    handle: async ({ headers, rawBody, url, trace }) => {
      const method = routes.find(({ path }) => path === url.split('?', 1)[0])?.method;
      if (!method) throw new Problem('not_found');
      const api = await apiOf(method);
      const verified = api.verifyNotification({ headers, rawBody, path: url, now: new Date() });
      if (verified.name === 'invalid') {
        log.warn({ method, reason: verified.reason, traceId: trace.traceId }, 'refused a notification');
        return inTheirWords(api.replyToNotification(verified));
      }
      const { notification, signed } = verified;
      const { reference, state } = notification;
      log.info({ method, reference, state, traceId: trace.traceId }, 'received a notification');
      try {
        const end = await keepNotification(method, notification, { body: rawBody.toString('utf8'), ...signed });
        return inTheirWords(api.replyToNotification({ name: end }));
      } catch (error) {
        log.error({ error, method, reference }, 'a notification could not be kept');
        return inTheirWords(api.replyToNotification({ name: 'try_again' }));
      }
    },
  },
});

function inTheirWords({ status, headers, body }: NotificationReply): Reply<never> {
  return { raw: body, contentType: 'application/json', status, headers };
}
