// CloudEvents over HTTP.

export { HTTP } from 'cloudevents';
