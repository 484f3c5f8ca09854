// The fields of a Knative Service that a cluster takes with the default feature flags (config-features), the same in
// Knative 1.17 and 1.23. Source: pkg/apis/serving/fieldmask.go of its webhook, whose recorded verdicts a test compares
// with this.

import { ANY, type Shape } from './shape.ts';

const flag = (name: string) => `A default cluster forbids it: the feature flag kubernetes.${name} is off`;

const METADATA: Shape = {
  name: ANY,
  generateName: ANY,
  namespace: ANY,
  labels: ANY,
  annotations: ANY,
  finalizers: ANY,
  ownerReferences: ANY,
  creationTimestamp: ANY,
  deletionGracePeriodSeconds: ANY,
  deletionTimestamp: ANY,
  generation: ANY,
  managedFields: ANY,
  resourceVersion: ANY,
  selfLink: ANY,
  uid: ANY,
};

const ENV: Shape = {
  name: ANY,
  value: ANY,
  valueFrom: {
    configMapKeyRef: ANY,
    secretKeyRef: ANY,
    fieldRef: flag('podspec-fieldref'),
    resourceFieldRef: flag('podspec-fieldref'),
  },
};

const PROBE: Shape = {
  exec: { command: ANY },
  grpc: { port: ANY, service: ANY },
  httpGet: { host: ANY, httpHeaders: ANY, path: ANY, port: ANY, scheme: ANY },
  tcpSocket: { host: ANY, port: ANY },
  initialDelaySeconds: ANY,
  timeoutSeconds: ANY,
  periodSeconds: ANY,
  successThreshold: ANY,
  failureThreshold: ANY,
};

const SECURITY_CONTEXT: Shape = {
  allowPrivilegeEscalation: ANY,
  capabilities: { add: flag('containerspec-addcapabilities'), drop: ANY },
  privileged: 'Knative never takes a privileged container',
  readOnlyRootFilesystem: ANY,
  runAsGroup: ANY,
  runAsNonRoot: ANY,
  runAsUser: ANY,
  seccompProfile: ANY,
};

const CONTAINER: Shape = {
  name: ANY,
  image: ANY,
  imagePullPolicy: ANY,
  command: ANY,
  args: ANY,
  workingDir: ANY,
  env: [ENV],
  envFrom: [{ prefix: ANY, configMapRef: ANY, secretRef: ANY }],
  ports: [{ containerPort: ANY, name: ANY, protocol: ANY }],
  livenessProbe: PROBE,
  readinessProbe: PROBE,
  startupProbe: PROBE,
  resources: { limits: ANY, requests: ANY },
  securityContext: SECURITY_CONTEXT,
  terminationMessagePath: ANY,
  terminationMessagePolicy: ANY,
  volumeMounts: [{ name: ANY, mountPath: ANY, readOnly: ANY, subPath: ANY }],
  lifecycle: 'Knative never takes hooks: queue-proxy drains before the container stops',
};

const VOLUME: Shape = {
  name: ANY,
  configMap: ANY,
  emptyDir: ANY,
  projected: ANY,
  secret: ANY,
  csi: flag('podspec-volumes-csi'),
  hostPath: flag('podspec-volumes-hostpath'),
  persistentVolumeClaim: flag('podspec-persistent-volume-claim'),
};

const REVISION: Shape = {
  containerConcurrency: ANY,
  timeoutSeconds: ANY,
  responseStartTimeoutSeconds: ANY,
  idleTimeoutSeconds: ANY,
  containers: [CONTAINER],
  volumes: [VOLUME],
  serviceAccountName: ANY,
  automountServiceAccountToken: ANY,
  enableServiceLinks: ANY,
  imagePullSecrets: ANY,
  affinity: flag('podspec-affinity'),
  dnsConfig: flag('podspec-dnsconfig'),
  dnsPolicy: flag('podspec-dnspolicy'),
  hostAliases: flag('podspec-hostaliases'),
  hostIPC: flag('podspec-hostipc'),
  hostNetwork: flag('podspec-hostnetwork'),
  hostPID: flag('podspec-hostpid'),
  initContainers: flag('podspec-init-containers'),
  nodeSelector: flag('podspec-nodeselector'),
  priorityClassName: flag('podspec-priorityclassname'),
  runtimeClassName: flag('podspec-runtimeclassname'),
  schedulerName: flag('podspec-schedulername'),
  securityContext: flag('podspec-securitycontext'),
  shareProcessNamespace: flag('podspec-shareprocessnamespace'),
  terminationGracePeriodSeconds: 'Knative sets it itself, from timeoutSeconds',
  tolerations: flag('podspec-tolerations'),
  topologySpreadConstraints: flag('podspec-topologyspreadconstraints'),
};

export const SERVICE: Shape = {
  apiVersion: ANY,
  kind: ANY,
  metadata: METADATA,
  spec: {
    template: { metadata: METADATA, spec: REVISION },
    traffic: [{ latestRevision: ANY, percent: ANY, revisionName: ANY, tag: ANY }],
  },
  status: ANY,
};
