/* Loads a SavedModel through TensorFlow's C API, tag "serve", as TensorFlow Serving's
   C++ does, and runs three inputs to one output.

   loader DIR LABEL SEED TRUNCATION OUTPUT label NUMBER
   loader DIR Z Y TRUNCATION OUTPUT z WIDTH

   Capitals before OUTPUT are names of tensors. The first form feeds label NUMBER, seed
   11 and truncation 0.5; the second z [1, WIDTH] and y [1, 10] of zeros. The output's
   bytes go to standard output. An error is written as
   "CODE: message" and ends the program with 3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tensorflow/c/c_api.h>

static int failed(TF_Status* status) {
  if (TF_GetCode(status) == TF_OK) return 0;
  printf("%d: %s\n", TF_GetCode(status), TF_Message(status));
  return 1;
}

static TF_Tensor* tensor(TF_DataType type, int rank, int64_t a, int64_t b,
                         const void* content, size_t bytes) {
  int64_t dims[2] = {a, b};
  TF_Tensor* made = TF_AllocateTensor(type, dims, rank, bytes);
  if (content) memcpy(TF_TensorData(made), content, bytes);
  else memset(TF_TensorData(made), 0, bytes);
  return made;
}

static TF_Output endpoint(TF_Graph* graph, char* name) {
  char* colon = strchr(name, ':');
  TF_Output output = {NULL, atoi(colon + 1)};
  *colon = 0;
  output.oper = TF_GraphOperationByName(graph, name);
  return output;
}

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tag = "serve";
  TF_Session* session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], &tag, 1,
                                                     graph, NULL, status);
  if (failed(status)) return 3;
  TF_Output inputs[3], output;
  for (int i = 0; i < 3; ++i) inputs[i] = endpoint(graph, argv[2 + i]);
  output = endpoint(graph, argv[5]);
  int number = atoi(argv[7]);
  float truncation = 0.5f;
  TF_Tensor* fed[3];
  if (strcmp(argv[6], "z") == 0) {
    fed[0] = tensor(TF_FLOAT, 2, 1, number, NULL, sizeof(float) * number);
    fed[1] = tensor(TF_FLOAT, 2, 1, 10, NULL, sizeof(float) * 10);
  } else {
    int32_t label = number;
    int64_t seed = 11;
    fed[0] = tensor(TF_INT32, 1, 1, 0, &label, sizeof label);
    fed[1] = tensor(TF_INT64, 1, 1, 0, &seed, sizeof seed);
  }
  fed[2] = tensor(TF_FLOAT, 1, 1, 0, &truncation, sizeof truncation);
  TF_Tensor* result = NULL;
  TF_SessionRun(session, NULL, inputs, fed, 3, &output, &result, 1, NULL, 0, NULL,
                status);
  if (failed(status)) return 3;
  fwrite(TF_TensorData(result), 1, TF_TensorByteSize(result), stdout);
  return 0;
}
