// CloudEvents as they come over HTTP.

export { HTTP } from 'cloudevents';
