import { Cluster, type ICluster } from "@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1/Cluster";
import {
  type IScheduledBackup,
  ScheduledBackup,
} from "@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1/ScheduledBackup";
import { type IScaledObject, ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import {
  type IPodMonitor,
  PodMonitor,
} from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import {
  type IServiceMonitor,
  ServiceMonitor,
} from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { Deployment as DeploymentModel } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler as ScalerModel } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { Job as JobModel } from "kubernetes-models/batch/v1/Job";
import { Ingress as IngressModel } from "kubernetes-models/networking.k8s.io/v1/Ingress";
import { NetworkPolicy as PolicyModel } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { PodDisruptionBudget as BudgetModel } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { Secret as SecretModel } from "kubernetes-models/v1/Secret";
import { Service as ServiceModel } from "kubernetes-models/v1/Service";
import type { Deployment } from "kubernetes-types/apps/v1";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2";
import type { Job } from "kubernetes-types/batch/v1";
import type { Secret, Service } from "kubernetes-types/core/v1";
import type { Ingress, NetworkPolicy } from "kubernetes-types/networking/v1";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1";

/**
 * What Kubernetes and its operators know, by kind. The compiler is a stricter judge of names than a JSON schema: those
 * schemas let unknown fields pass, and a field that nobody knows is how a probe or a limit silently does not exist.
 */
export interface Kinds {
  Cluster: ICluster;
  Deployment: Deployment;
  HorizontalPodAutoscaler: HorizontalPodAutoscaler;
  Ingress: Ingress;
  Job: Job;
  NetworkPolicy: NetworkPolicy;
  PodDisruptionBudget: PodDisruptionBudget;
  PodMonitor: IPodMonitor;
  ScaledObject: IScaledObject;
  ScheduledBackup: IScheduledBackup;
  Secret: Secret;
  Service: Service;
  ServiceMonitor: IServiceMonitor;
}

/** The same kinds with their OpenAPI schemas, which are the stricter judge of values: patterns, choices, bounds. */
const MODELS: Readonly<Record<keyof Kinds, new (fields: never) => { validate(): void }>> = {
  Cluster,
  Deployment: DeploymentModel,
  HorizontalPodAutoscaler: ScalerModel,
  Ingress: IngressModel,
  Job: JobModel,
  NetworkPolicy: PolicyModel,
  PodDisruptionBudget: BudgetModel,
  PodMonitor,
  ScaledObject,
  ScheduledBackup,
  Secret: SecretModel,
  Service: ServiceModel,
  ServiceMonitor,
};

export const KINDS: readonly string[] = Object.keys(MODELS);

/** What the schema of its kind says against a manifest; undefined when it fits. */
export function schemaProblem(kind: string, fields: object): string | undefined {
  const Model = Object.entries(MODELS).find(([name]) => name === kind)?.[1];
  if (Model === undefined) return `no schema for ${kind}`;
  try {
    // Each schema judges for itself whether these are its fields.
    new Model(fields as never).validate();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
