"""Layer classes and words of the frameworks themselves, which tell nothing about whose model it is."""

_CLASSES = """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d
    AdaptiveLogSoftmaxWithLoss AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention
    AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D AveragePooling2D
    AveragePooling3D AvgPool1D AvgPool1d AvgPool2D AvgPool2d AvgPool3D AvgPool3d BCELoss
    BCEWithLogitsLoss BatchNorm1d BatchNorm2d BatchNorm3d BatchNormalization Bidirectional
    Bilinear CELU CTCLoss CategoryEncoding CenterCrop ChannelShuffle CircularPad1d CircularPad2d
    CircularPad3d Concatenate ConstantPad1d ConstantPad2d ConstantPad3d Container
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv1d Conv2D
    Conv2DTranspose Conv2d Conv3D Conv3DTranspose Conv3d ConvLSTM1D ConvLSTM2D ConvLSTM3D
    ConvTranspose1d ConvTranspose2d ConvTranspose3d Convolution1D Convolution1DTranspose
    Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose CosineEmbeddingLoss
    CosineSimilarity Cropping1D Cropping2D Cropping3D CrossEntropyLoss CrossMapLRN2d CutMix
    DataParallel Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout Dropout1d
    Dropout2d Dropout3d ELU EinsumDense Embedding EmbeddingBag Equalization FeatureAlphaDropout
    Flatten FlaxLayer Fold FractionalMaxPool2d FractionalMaxPool3d Functional GELU GLU GRU GRUCell
    GaussianDropout GaussianNLLLoss GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D
    GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GraphModule GroupNorm GroupNormalization GroupQueryAttention Hardshrink Hardsigmoid Hardswish
    Hardtanh HashedCrossing Hashing HingeEmbeddingLoss HuberLoss Identity InputLayer InputSpec
    InstanceNorm1d InstanceNorm2d InstanceNorm3d IntegerLookup JaxLayer KLDivLoss L1Loss LPPool1d
    LPPool2d LPPool3d LSTM LSTMCell Lambda Layer LayerNorm LayerNormalization LazyBatchNorm1d
    LazyBatchNorm2d LazyBatchNorm3d LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d
    LazyConvTranspose2d LazyConvTranspose3d LazyInstanceNorm1d LazyInstanceNorm2d
    LazyInstanceNorm3d LazyLinear LeakyReLU Linear LinearCrossEntropyLoss LocalResponseNorm
    LogSigmoid LogSoftmax MSELoss MarginRankingLoss Masking MaxNumBoundingBoxes MaxPool1D
    MaxPool1d MaxPool2D MaxPool2d MaxPool3D MaxPool3d MaxPooling1D MaxPooling2D MaxPooling3D
    MaxUnpool1d MaxUnpool2d MaxUnpool3d Maximum MelSpectrogram Minimum Mish MixUp Model Module
    ModuleDict ModuleList MultiHeadAttention MultiLabelMarginLoss MultiLabelSoftMarginLoss
    MultiMarginLoss MultiheadAttention Multiply NLLLoss NLLLoss2d Normalization PReLU
    PairwiseDistance ParameterDict ParameterList Permute Pipeline PixelShuffle PixelUnshuffle
    PoissonNLLLoss RMSNorm RMSNormalization RNN RNNBase RNNCell RNNCellBase RReLU RandAugment
    RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue
    RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation
    RandomSharpness RandomShear RandomTranslation RandomZoom ReLU ReLU6 ReflectionPad1d
    ReflectionPad2d ReflectionPad3d RepeatVector ReplicationPad1d ReplicationPad2d
    ReplicationPad3d Rescaling Reshape Resizing ReversibleEmbedding SELU STFTSpectrogram
    ScriptModule SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D
    Sequential SiLU Sigmoid SimpleRNN SimpleRNNCell SmoothL1Loss SoftMarginLoss Softmax Softmax2d
    Softmin Softplus Softshrink Softsign Solarization SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract SyncBatchNorm
    TFSMLayer Tanh Tanhshrink TextVectorization Threshold TimeDistributed TorchModuleWrapper
    Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
    TransformerEncoderLayer TripletMarginLoss TripletMarginWithDistanceLoss Unflatten Unfold
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D Upsample UpsamplingBilinear2d
    UpsamplingNearest2d Wrapper ZeroPad1d ZeroPad2d ZeroPad3d ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
"""
_WORDS = """
    add batchnorm beta bias body branch convolution else false gamma input kernel moments
    moving_mean moving_variance mul nn num_batches_tracked output running_mean running_var step
    sub then torch true weight
"""

COMMON_LAYERS = frozenset((_CLASSES + _WORDS).split())
