// The page of the API document: Redoc, served from here. It loads nothing from other servers, so it works without the
// internet.

import { randomBytes } from 'node:crypto';
import { builtFile, once } from './built.ts';
import { content } from './content.ts';
import { html, icon, pageHeaders } from './html.ts';

export const SCRIPT_PATH = '/docs/redoc.js';

/** STYLES_OF_REDOC belongs to this version. After an upgrade, check the browser's console. */
export const REDOC_VERSION = '2.5.4';

/**
 * The styles that Redoc adds before it knows the nonce: an empty one, which its script fills, and that of its
 * scrollbars.
 */
const STYLES_OF_REDOC =
  "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='";

/** Redoc would load a logo from its maker. */
const LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

/** The page and its headers. The nonce is new each time, and browsers run only scripts and styles that carry it. */
export function referencePage(): { text: string; headers: Record<string, string> } {
  const nonce = randomBytes(16).toString('base64');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>One Gate API</title>
${icon}
<style nonce="${nonce}">body { margin: 0; } noscript { display: block; padding: 2rem; font: 1rem/1.6 system-ui, sans-serif; }</style>
</head>
<body>
<main id="reference"></main>
<noscript>This page needs JavaScript. The document itself does not: <a href="/v1/openapi.json">/v1/openapi.json</a>. Every error has a page of its own at <a href="/errors">/errors</a>.</noscript>
<script nonce="${nonce}" src="${SCRIPT_PATH}"></script>
<script nonce="${nonce}">Redoc.init('/v1/openapi.json', ${{ html: JSON.stringify({ ...options, nonce }) }}, document.getElementById('reference'));</script>
</body>
</html>
`;
  const sources = [
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}' ${STYLES_OF_REDOC}`,
    "connect-src 'self'",
    // Redoc makes the worker of its search from its own text.
    'worker-src blob:',
  ];
  return { text: page.html, headers: pageHeaders(sources.join('; ')) };
}

const options = {
  jsonSamplesExpandLevel: 4,
  schemasExpansionLevel: 1,
  sortRequiredPropsFirst: true,
  hideDownloadButtons: false,
  theme: {
    spacing: { sectionVertical: 20 },
    colors: { primary: { main: '#0b5cad' } },
    typography: {
      fontFamily: 'system-ui, sans-serif',
      headings: { fontFamily: 'system-ui, sans-serif' },
      code: { fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace' },
    },
  },
};

/** The script of Redoc. */
export const redocScript = once(async () =>
  content('text/javascript; charset=utf-8', (await builtFile('redoc.standalone.js')).replaceAll(LOGO, 'data:,')),
);
