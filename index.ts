/**
 * The suite as a library: the document's steps, the witnesses and their matchers, for your own suites.
 * docs/library.md shows how; `istio-external-proxy-conformance/vitest` has what goes into vitest.config.ts.
 */

// Adds `toHaveTitle`, `toHaveCrossed` and `toBeDiagnosedAs` to vitest's `expect`.
import './helpers/trip/matchers.ts';

// Steps: what is claimed, and how a suite takes them.
export { allSteps, controlSteps, documentSteps, stepsFor } from './suites/steps.ts';
export { withNeeds, type Section, type Step } from './suites/document/step.ts';
export { testSteps } from './suites/library/test-steps.ts';
export type { Mesh, World } from './suites/document/world.ts';
export type { StepRecord } from './helpers/results/step.ts';

// Trips: a request from a pod, what each witness said of it, and what is expected of them.
export { noSidecar, origin, proxy, sidecar, type Expectation } from './helpers/trip/expectations.ts';
export type { FetchOptions, Request, Witnesses } from './helpers/trip/fetch.ts';
export type { Endpoint } from './helpers/trip/endpoint.ts';
export type * from './helpers/trip/statements.ts';
export { proxyClusterOf } from './suites/document/sidecar.ts';
export { withObjects, withoutEntry } from './suites/controls/absence.ts';
export { documentsWay } from './suites/controls/mesh.ts';

// Causes: why a step failed, of a closed list.
export type { Cause } from './helpers/causes/cause.ts';
export { causes, type CauseCode } from './helpers/causes/causes.ts';
export { ConformanceError, type Finding } from './helpers/trip/finding.ts';
export { fail, mustEqual } from './suites/document/must.ts';
export { EnvironmentError, UsageError } from './helpers/errors.ts';

// The cluster: what a step's own objects need.
export { apply, find, remove } from './helpers/kube/apply.ts';
export { connect, type Kube } from './helpers/kube/client.ts';
export { exec, execOrThrow, type ExecResult, type PodRef } from './helpers/kube/exec.ts';
export { deploymentMustBeReady, livePods, podMustBeReady, podsMustBeGone } from './helpers/kube/workloads.ts';
export { eventually, type EventuallyOptions } from './helpers/eventually/eventually.ts';

// The session that the steps run in.
export type { Configuration, ConfigurationInput } from './helpers/configuration/configuration.ts';
export type { Namespaces } from './helpers/kube/manifests.ts';
export type { RunPlan } from './helpers/session/proxy.ts';
export type { SessionFacts } from './helpers/session/session.ts';

// conformance.config.ts.
export { defineConfig, type ConformanceConfig } from './helpers/configuration/configuration.ts';
