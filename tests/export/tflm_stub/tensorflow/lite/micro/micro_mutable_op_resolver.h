// As much of TensorFlow Lite Micro as the sources for boards call: enough to compile them.
#pragma once

enum TfLiteStatus { kTfLiteOk, kTfLiteError };
#define TF_LITE_ENSURE_STATUS(call) \
  do {                              \
    if ((call) != kTfLiteOk) return kTfLiteError; \
  } while (false)

namespace tflite {

template <unsigned int count>
class MicroMutableOpResolver {
 public:
  TfLiteStatus AddAbs() { return Add(); }
  TfLiteStatus AddAdd() { return Add(); }
  TfLiteStatus AddConcatenation() { return Add(); }
  TfLiteStatus AddConv2D() { return Add(); }
  TfLiteStatus AddDepthwiseConv2D() { return Add(); }
  TfLiteStatus AddEthosU() { return Add(); }
  TfLiteStatus AddFullyConnected() { return Add(); }
  TfLiteStatus AddLogistic() { return Add(); }
  TfLiteStatus AddMaxPool2D() { return Add(); }
  TfLiteStatus AddMean() { return Add(); }
  TfLiteStatus AddMul() { return Add(); }
  TfLiteStatus AddQuantize() { return Add(); }
  TfLiteStatus AddReduceMax() { return Add(); }
  TfLiteStatus AddReshape() { return Add(); }
  TfLiteStatus AddRsqrt() { return Add(); }
  TfLiteStatus AddSoftmax() { return Add(); }
  TfLiteStatus AddSub() { return Add(); }

 private:
  TfLiteStatus Add() { return ++added_ > count ? kTfLiteError : kTfLiteOk; }
  unsigned int added_ = 0;
};

}  // namespace tflite
