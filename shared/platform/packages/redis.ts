// Redis over the Upstash REST protocol.

export { errors, Redis } from '@upstash/redis';
