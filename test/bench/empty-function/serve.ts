// The same function as a bundle is: the framework's server on a port, and nothing of ours. Cold starts are compared
// with it.

import process from 'node:process';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
// @ts-expect-error: plain JavaScript, as the framework's own command line wants it
import { empty } from './function.js';

http('empty', empty);
getTestServer('empty').listen(Number(process.env['PORT']));
